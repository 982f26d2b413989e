"""The scalar meaning of `fxt` operations: `arith` and `math` on one element.

From here on integers are signless and the operation carries the sign, so every function takes the
element of the `fxt` operation by name (`f32`, `i8`, `ui8`, `i1`). Floats of 16 bits compute in f32.
No operation may trap or be undefined for any input, since lanes may hold elements nobody asked for:
division is made safe for INT_MIN / -1 here, and for zero by `fxt.nonzero_divisor`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from xdsl.dialects import math
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, fxt
from fxlower.dialects.build import (
    BF16,
    ELEMENT_BITS,
    F16,
    F32,
    F64,
    FLOATS,
    I1,
    I8,
    I16,
    I32,
    I64,
    UI8,
    UI16,
    UI32,
    UI64,
    Dim,
    dim_attr,
    emit1,
    float_attr,
    int_attr,
    signless,
)

ELEMENTS: dict[str, Attribute] = {
    str(t): t for t in (*FLOATS, I1, I8, I16, I32, I64, UI8, UI16, UI32, UI64)
}

_FLOAT_UNARY: dict[str, type[Operation]] = {
    "neg": arith.NegfOp,
    "abs": math.AbsFOp,
    "floor": math.FloorOp,
    "ceil": math.CeilOp,
    "round": math.RoundEvenOp,
    "trunc": math.TruncOp,
    "sqrt": math.SqrtOp,
    "rsqrt": math.RsqrtOp,
    "exp": math.ExpOp,
    "exp2": math.Exp2Op,
    "expm1": math.ExpM1Op,
    "log": math.LogOp,
    "log2": math.Log2Op,
    "log10": math.Log10Op,
    "log1p": math.Log1pOp,
    "sin": math.SinOp,
    "cos": math.CosOp,
    "tan": math.TanOp,
    "asin": math.AsinOp,
    "acos": math.AcosOp,
    "atan": math.AtanOp,
    "sinh": math.SinhOp,
    "cosh": math.CoshOp,
    "tanh": math.TanhOp,
    "asinh": math.AsinhOp,
    "acosh": math.AcoshOp,
    "atanh": math.AtanhOp,
    "erf": math.ErfOp,
}

_FLOAT_BINARY: dict[str, type[Operation]] = {
    "add": arith.AddfOp,
    "sub": arith.SubfOp,
    "mul": arith.MulfOp,
    "div": arith.DivfOp,
    "rem": arith.RemfOp,
    "max": arith.MaximumfOp,
    "min": arith.MinimumfOp,
    "pow": math.PowFOp,
    "atan2": math.Atan2Op,
    "copysign": math.CopySignOp,
}

_INTEGER_BINARY: dict[str, type[Operation]] = {
    "add": arith.AddiOp,
    "sub": arith.SubiOp,
    "mul": arith.MuliOp,
    "and": arith.AndIOp,
    "or": arith.OrIOp,
    "xor": arith.XOrIOp,
}

_BOOL_BINARY: dict[str, type[Operation]] = {
    "add": arith.OrIOp,
    "sub": arith.XOrIOp,
    "mul": arith.AndIOp,
    "max": arith.OrIOp,
    "min": arith.AndIOp,
    "and": arith.AndIOp,
    "or": arith.OrIOp,
    "xor": arith.XOrIOp,
}

_FLOAT_PREDICATES = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}

NEUTRAL = {"sum": 0, "prod": 1}
COMBINE = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min"}


@cache
def _predicate(cls: type[Operation], name: str) -> Mapping[str, Attribute]:
    return {"predicate": int_attr(cls.PREDICATES.index(name))}  # type: ignore[attr-defined]


def is_unsigned(element: Attribute) -> bool:
    """Whether integers of `element` are read as unsigned; bools are."""
    return element == I1 or signless(element) != element


class BodyBuilder:
    """Appends scalar operations to `block`."""

    def __init__(self, block: Block):
        self.block = block
        self.constants: dict[tuple[str, Attribute], SSAValue] = {}

    def op(
        self,
        cls: type[Operation],
        operands: Sequence[SSAValue],
        type_: Attribute,
        properties: Mapping[str, Attribute] | None = None,
    ) -> SSAValue:
        return emit1(self.block, cls, operands, type_, properties)

    def constant(self, value: float | int | bool, type_: Attribute) -> SSAValue:
        key = (repr(value), type_)
        known = self.constants.get(key)
        if known is None:
            known = self.constants[key] = self.op(
                arith.ConstantOp, (), type_, {"value": number_attr(value, type_)}
            )
        return known

    def compare(self, predicate: str, a: SSAValue, b: SSAValue) -> SSAValue:
        cls = arith.CmpfOp if a.type in FLOATS else arith.CmpiOp
        return self.op(cls, (a, b), I1, _predicate(cls, predicate))

    def select(self, condition: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
        return self.op(arith.SelectOp, (condition, a, b), a.type)

    # ----------------------------------------------------------------------- operations

    def pointwise(
        self, name: str, detail: Dim, operand: str, result: str, values: Sequence[SSAValue]
    ) -> SSAValue:
        """`fxt.<name>` of `values`; `operand` and `result` are elements by name."""
        element = ELEMENTS[operand]
        match name:
            case "cast":
                return self.cast(values[0], element, ELEMENTS[result])
            case "bitcast":
                type_ = signless(ELEMENTS[result])
                value = values[0]
                return value if value.type == type_ else self.op(arith.BitcastOp, values, type_)
            case "select":
                return self.select(*values)
            case "nonzero_divisor":
                return self.op(fxt.NonzeroDivisorOp, values, values[0].type)
            case "normalize_index":
                size = {"size": dim_attr(detail)}
                return self.op(fxt.NormalizeIndexOp, values, values[0].type, size)
            case _:
                pass
        if element in (F16, BF16):
            wide = [self.op(arith.ExtFOp, (v,), F32) for v in values]
            value = self.pointwise(name, detail, "f32", "f32", wide)
            return value if name == "cmp" else self.op(arith.TruncFOp, (value,), element)
        if name == "cmp":
            return self._compare(str(detail), element, values)
        if element in FLOATS:
            cls = (_FLOAT_UNARY if len(values) == 1 else _FLOAT_BINARY).get(name)
        else:
            cls = (_BOOL_BINARY if element == I1 else _INTEGER_BINARY).get(name)
            composed = _COMPOSED.get(name)
            if cls is None and composed is not None:
                return composed(self, is_unsigned(element), *values)
        if cls is None:
            raise PassFailedException(
                f"form-kernels: 'fxt.{name}' has no meaning on {operand}; cast the operands to a "
                "floating-point type in the lowering of the operator"
            )
        return self.op(cls, values, values[0].type)

    def combine(self, reduction: str, element: str, a: SSAValue, b: SSAValue) -> SSAValue:
        """One step of `fxt.<reduction>`."""
        return self.pointwise(COMBINE[reduction], "", element, element, (a, b))

    def _compare(self, name: str, element: Attribute, values: Sequence[SSAValue]) -> SSAValue:
        if element in FLOATS:
            return self.compare(_FLOAT_PREDICATES[name], *values)
        if name in ("eq", "ne"):
            return self.compare(name, *values)
        return self.compare(("u" if is_unsigned(element) else "s") + name, *values)

    # ---------------------------------------------------------------------- conversions

    def cast(self, value: SSAValue, source: Attribute, target: Attribute) -> SSAValue:
        """As torch's `.to(dtype)`."""
        if source == target:
            return value
        type_ = signless(target)
        if source in (F16, BF16):
            value = self.op(arith.ExtFOp, (value,), F32)
        if target == I1:
            predicate = "une" if source in FLOATS else "ne"
            return self.compare(predicate, value, self.constant(0, value.type))
        if source in FLOATS:
            if target in FLOATS:
                return self._float_to_float(value, target)
            return self._float_to_integer(value, target)
        if target in FLOATS:
            cls = arith.UIToFPOp if is_unsigned(source) else arith.SIToFPOp
            wide = F32 if target in (F16, BF16) else target
            value = self.op(cls, (value,), wide)
            return value if wide == target else self.op(arith.TruncFOp, (value,), target)
        old, new = _width(source), _width(target)
        if old < new:
            return self.op(arith.ExtUIOp if is_unsigned(source) else arith.ExtSIOp, (value,), type_)
        return value if old == new else self.op(arith.TruncIOp, (value,), type_)

    def _float_to_float(self, value: SSAValue, target: Attribute) -> SSAValue:
        if target in (F16, BF16):
            # torch rounds f64 to f32 first.
            if value.type == F64:
                value = self.op(arith.TruncFOp, (value,), F32)
            return self.op(arith.TruncFOp, (value,), target)
        if value.type == target:
            return value
        return self.op(arith.ExtFOp if target == F64 else arith.TruncFOp, (value,), target)

    def _float_to_integer(self, value: SSAValue, target: Attribute) -> SSAValue:
        """Towards zero; what does not fit wraps as the C++ of torch happens to on x86."""
        if target == UI64:
            negative = self.compare("olt", value, self.constant(0.0, value.type))
            below = self.op(arith.FPToSIOp, (value,), I64)
            return self.select(negative, below, self.op(arith.FPToUIOp, (value,), I64))
        # Short floats beyond i32 are multiples of 256: the last byte is 0, as that of what
        # x86 makes of them in i32, which is half as wide.
        byte = ELEMENT_BITS[target] == 8 and value.type != F64
        wide = I64 if target == I64 or (is_unsigned(target) and not byte) else I32
        value = self.op(arith.FPToSIOp, (value,), wide)
        type_ = signless(target)
        return value if type_ == wide else self.op(arith.TruncIOp, (value,), type_)


def number_attr(value: float | int | bool, type_: Attribute) -> Attribute:
    """`value` as an attribute of a signless type."""
    if type_ in FLOATS:
        return float_attr(float(value), type_)
    return int_attr(int(value != 0) if type_ == I1 else int(value), type_)


def number(text: str) -> float | int:
    """The number that `text` is the repr of; bools are 0 and 1."""
    if text in ("True", "False"):
        return int(text == "True")
    try:
        return int(text)
    except ValueError:
        return float(text)


def neutral(reduction: str, element: Attribute) -> float | int:
    """What `fxt.<reduction>` is of no elements."""
    if reduction in NEUTRAL:
        return NEUTRAL[reduction]
    largest = reduction == "amin"
    if element in FLOATS:
        return float("inf") if largest else float("-inf")
    if is_unsigned(element):
        return (1 << _width(element)) - 1 if largest else 0
    half = 1 << (_width(element) - 1)
    return half - 1 if largest else -half


def _width(element: Attribute) -> int:
    return 1 if element == I1 else ELEMENT_BITS[element]


# ------------------------------------------------------------- integer operations in several


def _neg(b: BodyBuilder, unsigned: bool, x: SSAValue) -> SSAValue:
    return b.op(arith.SubiOp, (b.constant(0, x.type), x), x.type)


def _abs(b: BodyBuilder, unsigned: bool, x: SSAValue) -> SSAValue:
    if unsigned:
        return x
    return b.select(b.compare("slt", x, b.constant(0, x.type)), _neg(b, unsigned, x), x)


def _not(b: BodyBuilder, unsigned: bool, x: SSAValue) -> SSAValue:
    return b.op(arith.XOrIOp, (x, b.constant(1 if x.type == I1 else -1, x.type)), x.type)


def _safe_divisor(b: BodyBuilder, y: SSAValue) -> tuple[SSAValue, SSAValue]:
    """Whether y is -1, and y with 1 in its place: INT_MIN / -1 overflows."""
    if isinstance(y.owner, arith.ConstantOp) and y.owner.value != int_attr(-1, y.type):
        return b.constant(0, I1), y
    minus_one = b.compare("eq", y, b.constant(-1, y.type))
    return minus_one, b.select(minus_one, b.constant(1, y.type), y)


def _div(b: BodyBuilder, unsigned: bool, x: SSAValue, y: SSAValue) -> SSAValue:
    if unsigned:
        return b.op(arith.DivUIOp, (x, y), x.type)
    minus_one, divisor = _safe_divisor(b, y)
    quotient = b.op(arith.DivSIOp, (x, divisor), x.type)
    if divisor is y:
        return quotient
    return b.select(minus_one, _neg(b, unsigned, x), quotient)


def _rem(b: BodyBuilder, unsigned: bool, x: SSAValue, y: SSAValue) -> SSAValue:
    if unsigned:
        return b.op(arith.RemUIOp, (x, y), x.type)
    return b.op(arith.RemSIOp, (x, _safe_divisor(b, y)[1]), x.type)


def _floordiv(b: BodyBuilder, unsigned: bool, x: SSAValue, y: SSAValue) -> SSAValue:
    quotient = _div(b, unsigned, x, y)
    if unsigned:
        return quotient
    zero = b.constant(0, x.type)
    remainder = _rem(b, unsigned, x, y)
    inexact = b.compare("ne", remainder, zero)
    opposite = b.compare("slt", b.op(arith.XOrIOp, (remainder, y), x.type), zero)
    below = b.op(arith.AndIOp, (inexact, opposite), I1)
    less = b.op(arith.SubiOp, (quotient, b.constant(1, x.type)), x.type)
    return b.select(below, less, quotient)


def _max(b: BodyBuilder, unsigned: bool, x: SSAValue, y: SSAValue) -> SSAValue:
    return b.op(arith.MaxUIOp if unsigned else arith.MaxSIOp, (x, y), x.type)


def _min(b: BodyBuilder, unsigned: bool, x: SSAValue, y: SSAValue) -> SSAValue:
    return b.op(arith.MinUIOp if unsigned else arith.MinSIOp, (x, y), x.type)


def _shl(b: BodyBuilder, unsigned: bool, x: SSAValue, y: SSAValue) -> SSAValue:
    zero = b.constant(0, x.type)
    fits = b.compare("ult", y, b.constant(_width(x.type), y.type))
    return b.select(fits, b.op(arith.ShLIOp, (x, b.select(fits, y, zero)), x.type), zero)


def _shr(b: BodyBuilder, unsigned: bool, x: SSAValue, y: SSAValue) -> SSAValue:
    width = _width(x.type)
    fits = b.compare("ult", y, b.constant(width, y.type))
    if not unsigned:
        distance = b.select(fits, y, b.constant(width - 1, y.type))
        return b.op(arith.ShRSIOp, (x, distance), x.type)
    zero = b.constant(0, x.type)
    return b.select(fits, b.op(arith.ShRUIOp, (x, b.select(fits, y, zero)), x.type), zero)


_COMPOSED: dict[str, Callable[..., SSAValue]] = {
    "neg": _neg,
    "abs": _abs,
    "not": _not,
    "div": _div,
    "rem": _rem,
    "floordiv": _floordiv,
    "max": _max,
    "min": _min,
    "shl": _shl,
    "shr": _shr,
}
