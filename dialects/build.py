"""Fast construction of IR: the hot path of every level.

`Operation.create` costs 5-7 us; `emit` costs about 1 us, because it writes the fields of the
operation directly and appends it to the block. It relies on the private fields of xDSL 0.74 that
`tests/test_build.py` guards; nothing else in fxlower does.

Types and attributes are made through the cached functions below: a `MemRefType` costs 20 us to
make and 0.1 us to look up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import Any, TypeAlias, TypeVar

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    NoneAttr,
    Signedness,
    StridedLayoutAttr,
    StringAttr,
    TensorType,
    VectorType,
)
from xdsl.ir import Attribute, Block, Operation, OpResult, Region, SSAValue
from xdsl.ir.core import SSAValues, Use
from xdsl.utils.exceptions import VerifyException

OpT = TypeVar("OpT", bound=Operation)
T = TypeVar("T")

Dim: TypeAlias = int | str
"""A dimension: a number, or the canonical text of a symbolic expression such as `s0*2`."""

DYNAMIC = DYNAMIC_INDEX

_UNKNOWN = Operation.__dataclass_fields__["location"].default_factory()  # type: ignore[misc]
_EMPTY: SSAValues[Any] = SSAValues()


@cache
def _default_properties(cls: type[Operation]) -> dict[str, Attribute]:
    """IRDL's default properties of `cls`, which the bypassed constructor would add."""
    definition = cls.get_irdl_definition()  # type: ignore[attr-defined]
    return {
        name: prop.default_value
        for name, prop in definition.properties.items()
        if prop.default_value is not None
    }


class Result(OpResult[Attribute]):
    """A result that is hashed by identity, as every `SSAValue` is, but without a call of a Python
    function: passes look values up a hundred thousand times."""

    __hash__ = object.__hash__


def emit(
    block: Block,
    cls: type[OpT],
    operands: Sequence[SSAValue] = (),
    result_types: Sequence[Attribute] = (),
    properties: Mapping[str, Attribute] | None = None,
    attributes: Mapping[str, Attribute] | None = None,
    regions: Sequence[Region] = (),
) -> OpT:
    """Append a new `cls` operation to `block` without running its constructor."""
    op = cls.__new__(cls)
    op._operands = SSAValues(operands)
    uses: list[Use] = []
    for index, value in enumerate(operands):
        use = Use(op, index)
        first = value.first_use
        use._next_use = first
        if first is not None:
            first._prev_use = use
        value.first_use = use
        uses.append(use)
    op._operand_uses = tuple(uses)
    results: list[OpResult] = []
    for index, result_type in enumerate(result_types):
        result = Result.__new__(Result)
        result._type = result_type
        result.op = op
        result.index = index
        result.first_use = None
        result._name = None
        results.append(result)
    op.results = SSAValues(results)
    defaults = _default_properties(cls)
    op.properties = {**defaults, **properties} if properties else dict(defaults)
    op.attributes = dict(attributes) if attributes else {}
    op.location = _UNKNOWN
    op._successors = ()
    op._successor_uses = ()
    op.regions = ()
    op._next_op = None
    for region in regions:
        op.add_region(region)
    op.parent = block
    last = block._last_op
    op._prev_op = last
    if last is None:
        block._first_op = op
    else:
        last._next_op = op
    block._last_op = op
    return op


def emit1(
    block: Block,
    cls: type[Operation],
    operands: Sequence[SSAValue],
    result_type: Attribute,
    properties: Mapping[str, Attribute] | None = None,
    attributes: Mapping[str, Attribute] | None = None,
) -> OpResult:
    """`emit` for an operation with one result; returns the result."""
    (result,) = emit(block, cls, operands, (result_type,), properties, attributes).results
    return result


def operations(op: Operation) -> list[Operation]:
    """`op` and all ops in its regions, in order: `op.walk()`, several times as fast. The list does
    not see what is done to the IR later."""
    found = [op]
    for region in op.regions:
        for block in region.blocks:
            inner = block._first_op
            while inner is not None:
                if inner.regions:
                    found.extend(operations(inner))
                else:
                    found.append(inner)
                inner = inner._next_op
    return found


def cached_by_identity(function: Callable[[Attribute], T]) -> Callable[[Attribute], T]:
    """A cache of a function of an attribute that asks for the attribute's hash, which costs
    microseconds, only where this very object has not been seen."""
    of_equal = cache(function)
    seen: dict[int, tuple[Attribute, T]] = {}

    @wraps(function)
    def cached(attribute: Attribute) -> T:
        known = seen.get(id(attribute))
        if known is not None:  # it holds the attribute, so that no other has its id
            return known[1]
        result = of_equal(attribute)
        if len(seen) >= _IDENTITIES:
            seen.clear()
        seen[id(attribute)] = (attribute, result)
        return result

    return cached


_IDENTITIES = 1 << 14

# --------------------------------------------------------------------------------- types

INDEX = IndexType()
I1, I8, I16, I32, I64 = (IntegerType(n) for n in (1, 8, 16, 32, 64))
UI8, UI16, UI32, UI64 = (IntegerType(n, Signedness.UNSIGNED) for n in (8, 16, 32, 64))
F16, BF16, F32, F64 = Float16Type(), BFloat16Type(), Float32Type(), Float64Type()

FLOATS = (F16, BF16, F32, F64)

ELEMENT_BITS: dict[Attribute, int] = {
    I1: 8,  # a bool takes one byte in memory, as in torch
    **{t: t.width.data for t in (I8, I16, I32, I64, UI8, UI16, UI32, UI64)},
    **{t: t.bitwidth for t in FLOATS},
    INDEX: 64,
}


def is_float(element: Attribute) -> bool:
    return element in FLOATS


@cached_by_identity
def signless(element: Attribute) -> Attribute:
    """The type `arith` computes in: `ui8` becomes `i8`, everything else is unchanged."""
    if isinstance(element, IntegerType) and element.signedness.data != Signedness.SIGNLESS:
        return IntegerType(element.width.data)
    return element


@cache
def tensor_type(element: Attribute, dims: tuple[Dim, ...]) -> TensorType[Any]:
    """`tensor<?x8xf32, ["s0", 8 : i64]>` for dims `("s0", 8)`; no encoding when all are numbers."""
    if all(isinstance(d, int) for d in dims):
        return TensorType(element, dims)  # type: ignore[arg-type]
    encoding = ArrayAttr([dim_attr(d) for d in dims])
    return TensorType(element, [d if isinstance(d, int) else DYNAMIC for d in dims], encoding)


@cache
def dim_attr(dim: Dim) -> Attribute:
    return IntegerAttr(dim, I64) if isinstance(dim, int) else StringAttr(dim)


def dim_of(attr: Attribute) -> Dim:
    if isinstance(attr, StringAttr):
        return attr.data
    if isinstance(attr, IntegerAttr):
        return attr.value.data
    raise VerifyException(f"a dimension must be an integer or a string, got {attr}")


@cache
def dims_attr(dims: tuple[Dim, ...]) -> ArrayAttr[Attribute]:
    """Dims or strides as an attribute: `["s0*8", 8, 1]`."""
    return ArrayAttr([dim_attr(d) for d in dims])


@cached_by_identity
def dims_from(attr: Attribute) -> tuple[Dim, ...]:
    if not isinstance(attr, ArrayAttr):
        raise VerifyException(f"dimensions must be an array, got {attr}")
    return tuple(dim_of(a) for a in attr)


@cached_by_identity
def dims_of(type_: Attribute) -> tuple[Dim, ...]:
    """The dimensions of a tensor type, symbolic ones by the text of their expression."""
    if not isinstance(type_, TensorType):
        raise VerifyException(f"expected a tensor, got {type_}")
    shape = type_.get_shape()
    if isinstance(type_.encoding, NoneAttr):
        if DYNAMIC in shape:
            raise VerifyException(
                f"a dynamic dimension needs its symbol in the encoding, got {type_}"
            )
        return tuple(shape)
    dims = dims_from(type_.encoding)
    if len(dims) != len(shape) or any(
        (isinstance(d, int) and d != s) or (isinstance(d, str) and s != DYNAMIC)
        for d, s in zip(dims, shape)
    ):
        raise VerifyException(f"encoding does not match the shape in {type_}")
    return dims


@cache
def vector_type(element: Attribute, lanes: int) -> VectorType[Any]:
    return VectorType(element, [lanes])


@cache
def memref_type(
    element: Attribute,
    shape: tuple[int, ...],
    strides: tuple[int | None, ...] | None = None,
    offset: int | None = 0,
) -> MemRefType[Any]:
    """`memref<?x8xf32, strided<[8, 1]>>`; `DYNAMIC` is a dynamic size, None a
    dynamic stride or offset.

    `strides=None` means contiguous rows and no layout in the text.
    """
    if strides is None:
        return MemRefType(element, shape)
    return MemRefType(element, shape, StridedLayoutAttr(strides, offset))


# ---------------------------------------------------------------------------- attributes


_INT_ATTRS: dict[tuple[int, int], tuple[Attribute, IntegerAttr[Any]]] = {}


def int_attr(value: int, type_: Attribute = I64) -> IntegerAttr[Any]:
    known = _INT_ATTRS.get((value, id(type_)))
    if known is None:
        known = _INT_ATTRS[value, id(type_)] = (type_, _int_attr(value, type_))  # keeps the id
    return known[1]


@cache
def _int_attr(value: int, type_: Attribute) -> IntegerAttr[Any]:
    return IntegerAttr(value, type_)  # type: ignore[arg-type]


def float_attr(value: float, type_: Attribute) -> FloatAttr[Any]:
    return FloatAttr(value, type_)  # type: ignore[arg-type]


@cache
def string_attr(text: str) -> StringAttr:
    return StringAttr(text)


def splat(value: float | int, type_: VectorType[Any] | TensorType[Any]) -> Attribute:
    """`dense<value> : type`."""
    return DenseIntOrFPElementsAttr.from_list(type_, [value])
