"""Rules for `vector`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    IntegerType,
    VectorType,
    i32,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import llvm, vector
from fxlower.dialects.arith import with_element
from fxlower.dialects.build import DYNAMIC, I1, I8, I16, I32, I64, cached_by_identity, vector_type
from fxlower.passes.to_llvm.arith import compare_integers, extreme, fastmath_of, resized, suffix
from fxlower.passes.to_llvm.builder import FunctionBuilder, aligned
from fxlower.passes.to_llvm.types import convert_type, element_bytes, lanes_of

Rule = Callable[[FunctionBuilder, Any], None]

_REASSOCIATE = llvm.FastMathAttr((llvm.FastMathFlag.REASSOC,))


def _lanes(type_: Attribute) -> int:
    lanes = lanes_of(type_)
    assert lanes is not None
    return lanes


# ------------------------------------------------------------------------------------- memory


def _load(b: FunctionBuilder, op: vector.LoadOp) -> None:
    source, *indices = op._operands
    (result,) = op.results
    where = b.memref(source)
    pointer = b.address(where, [b.value(i) for i in indices])
    alignment = aligned(element_bytes(where.element))
    b.values[result] = b.read(llvm.LoadOp, (pointer,), convert_type(result.type), alignment)


def _store(b: FunctionBuilder, op: vector.StoreOp) -> None:
    value, target, *indices = op._operands
    where = b.memref(target)
    pointer = b.address(where, [b.value(i) for i in indices])
    b.effect(llvm.StoreOp, (b.value(value), pointer), (), aligned(element_bytes(where.element)))


def _maskedload(b: FunctionBuilder, op: vector.MaskedLoadOp) -> None:
    source, *indices, mask, pass_thru = op._operands
    where = b.memref(source)
    pointer = b.address(where, [b.value(i) for i in indices])
    operands = (pointer, b.value(mask), b.value(pass_thru))
    b.values[op.result] = b.read(
        llvm.MaskedLoadOp, operands, operands[2].type, aligned(element_bytes(where.element))
    )


def _maskedstore(b: FunctionBuilder, op: vector.MaskedStoreOp) -> None:
    target, *indices, mask, value = op._operands
    where = b.memref(target)
    pointer = b.address(where, [b.value(i) for i in indices])
    operands = (b.value(value), pointer, b.value(mask))
    b.effect(llvm.MaskedStoreOp, operands, (), aligned(element_bytes(where.element)))


def _pointers(
    b: FunctionBuilder, op: vector.GatherOp | vector.ScatterOp
) -> tuple[SSAValue, Attribute]:
    """The addresses of all lanes, and the element type."""
    where = b.memref(op.base)
    pointer = b.address(where, [b.value(i) for i in op.offsets])
    lanes = b.value(op.indices)
    stride = where.strides[-1] if where.strides else 1
    if stride != 1:
        lanes = resized(b, lanes, with_element(lanes.type, I64), signed=True)
        factor = splat(b, b.index(stride), _lanes(lanes.type))
        lanes = b.pure(llvm.MulOp, (lanes, factor), lanes.type)
    return b.offset(pointer, lanes, where.element), where.element


def _gather(b: FunctionBuilder, op: vector.GatherOp) -> None:
    pointers, element = _pointers(b, op)
    operands = (pointers, b.value(op.mask), b.value(op.pass_thru))
    b.values[op.result] = b.read(
        llvm.MaskedGatherOp, operands, operands[2].type, aligned(element_bytes(element))
    )


def _scatter(b: FunctionBuilder, op: vector.ScatterOp) -> None:
    pointers, element = _pointers(b, op)
    operands = (b.value(op.value_to_store), pointers, b.value(op.mask))
    b.effect(llvm.MaskedScatterOp, operands, (), aligned(element_bytes(element)))


# ---------------------------------------------------------------------------------- constants


def _step(b: FunctionBuilder, op: vector.StepOp) -> None:
    type_ = convert_type(op.result.type)
    b.values[op.result] = _sequence(b, type_)


def _sequence(b: FunctionBuilder, type_: Attribute) -> SSAValue:
    return b.constant(_dense(type_, tuple(range(_lanes(type_)))), type_)


@cache
def _dense(type_: Attribute, values: tuple[int, ...]) -> Attribute:
    return DenseIntOrFPElementsAttr.from_list(type_, values)  # type: ignore[arg-type]


def _constant_mask(b: FunctionBuilder, op: vector.ConstantMaskOp) -> None:
    (result,) = op.results
    (set_lanes,) = op.mask_dim_sizes.get_values()
    bits = tuple(int(lane < set_lanes) for lane in range(_lanes(result.type)))
    b.values[result] = b.constant(_dense(result.type, bits), result.type)


def _create_mask(b: FunctionBuilder, op: vector.CreateMaskOp) -> None:
    """Lane i is set where i < n. The comparison is done in narrow integers, as many lanes as
    possible at once, after n is clamped to [0, lanes]."""
    lanes = _lanes(op.mask_vector.type)
    bound = b.value(op.mask_dim_sizes[0])
    bound = b.intrinsic("smin.i64", (bound, b.integer(lanes)), I64)
    bound = b.intrinsic("smax.i64", (bound, b.integer(0)), I64)
    element = I32 if lanes <= 16 else I8 if 64 <= lanes < 128 else I16
    narrow = resized(b, bound, element, signed=False)
    type_ = vector_type(element, lanes)
    b.values[op.mask_vector] = compare_integers(
        b, "ult", _sequence(b, type_), splat(b, narrow, lanes)
    )


# ------------------------------------------------------------------------------------ shuffles


def splat(b: FunctionBuilder, value: SSAValue, lanes: int) -> SSAValue:
    """A scalar in every lane."""
    type_ = vector_type(value.type, lanes)
    owner = value.owner
    if isinstance(owner, llvm.ConstantOp):
        number = owner.value.value.data  # type: ignore[union-attr]
        return b.like(number, type_)
    first = b.pure(llvm.InsertElementOp, (b.poison(type_), value, b.integer(0)), type_)
    return shuffle(b, first, b.poison(type_), [0] * lanes)


def shuffle(b: FunctionBuilder, a: SSAValue, c: SSAValue, lanes: Sequence[int]) -> SSAValue:
    type_ = a.type
    assert isinstance(type_, VectorType)
    if len(lanes) != _lanes(type_):
        type_ = vector_type(type_.element_type, len(lanes))
    return b.pure(llvm.ShuffleVectorOp, (a, c), type_, {"mask": _shuffle_mask(tuple(lanes))})


@cache
def _shuffle_mask(lanes: tuple[int, ...]) -> Attribute:
    return DenseArrayBase.from_list(i32, lanes)


def _broadcast(b: FunctionBuilder, op: vector.BroadcastOp) -> None:
    source = b.value(op.source)
    lanes = _lanes(op.vector.type)
    if isinstance(source.type, VectorType):
        have = _lanes(source.type)
        if have == lanes:
            b.values[op.vector] = source
            return
        if have != 1:
            raise PassFailedException(
                f"convert-to-llvm: cannot broadcast {op.source.type} to {op.vector.type}"
            )
        b.values[op.vector] = shuffle(b, source, b.poison(source.type), [0] * lanes)
        return
    b.values[op.vector] = splat(b, source, lanes)


def _position(b: FunctionBuilder, op: vector.ExtractOp | vector.InsertOp) -> SSAValue:
    positions = op.static_position.get_values()
    if len(positions) != 1:
        raise PassFailedException(f"convert-to-llvm: '{op.name}' needs one position")
    if positions[0] == DYNAMIC:
        return b.value(op.dynamic_position[0])
    return b.integer(positions[0])


def _extract(b: FunctionBuilder, op: vector.ExtractOp) -> None:
    operands = (b.value(op.vector), _position(b, op))
    b.values[op.result] = b.pure(llvm.ExtractElementOp, operands, convert_type(op.result.type))


def _insert(b: FunctionBuilder, op: vector.InsertOp) -> None:
    operands = (b.value(op.dest), b.value(op.source), _position(b, op))
    b.values[op.result] = b.pure(llvm.InsertElementOp, operands, operands[0].type)


def _shuffle(b: FunctionBuilder, op: vector.ShuffleOp) -> None:
    a, c = map(b.value, op._operands)
    lanes = _lanes_of_mask(op.properties["mask"])
    have, more = _lanes(a.type), _lanes(c.type)
    if have != more:  # LLVM shuffles vectors of one type only: widen the shorter one
        wide = max(have, more)
        widen = [[*range(n), *[-1] * (wide - n)] for n in (have, more)]
        a = shuffle(b, a, b.poison(a.type), widen[0]) if have < wide else a
        c = shuffle(b, c, b.poison(c.type), widen[1]) if more < wide else c
        lanes = tuple(lane if lane < have else lane - have + wide for lane in lanes)
    b.values[op.results[0]] = shuffle(b, a, c, lanes)


@cached_by_identity
def _lanes_of_mask(mask: Any) -> tuple[int, ...]:
    return mask.get_values()


def _bitcast(b: FunctionBuilder, op: vector.BitcastOp) -> None:
    value, type_ = b.value(op.source), convert_type(op.result.type)
    b.values[op.result] = value if value.type == type_ else b.pure(llvm.BitcastOp, (value,), type_)


def _fma(b: FunctionBuilder, op: vector.FMAOp) -> None:
    operands = [b.value(o) for o in op.operands]
    type_ = operands[0].type
    b.values[op.res] = b.intrinsic("fma" + suffix(type_), operands, type_)


# ---------------------------------------------------------------------------------- reductions

_INTEGER = {
    "add": llvm.AddOp,
    "mul": llvm.MulOp,
    "and": llvm.AndOp,
    "or": llvm.OrOp,
    "xor": llvm.XOrOp,
}
_INTRINSIC = {
    "minsi": "smin",
    "maxsi": "smax",
    "minui": "umin",
    "maxui": "umax",
    "minnumf": "minnum",
    "maxnumf": "maxnum",
}


def combine(
    b: FunctionBuilder, kind: str, x: SSAValue, y: SSAValue, fastmath: Attribute
) -> SSAValue:
    """One step of a reduction."""
    type_ = x.type
    is_float = kind in ("add", "mul") and not isinstance(
        type_.element_type if isinstance(type_, VectorType) else type_, IntegerType
    )
    if is_float:
        cls = llvm.FAddOp if kind == "add" else llvm.FMulOp
        return b.pure(cls, (x, y), type_, {"fastmathFlags": fastmath})
    if kind in _INTEGER:
        return b.pure(_INTEGER[kind], (x, y), type_)
    if kind in _INTRINSIC:
        return b.intrinsic(_INTRINSIC[kind] + suffix(type_), (x, y), type_)
    return extreme(b, x, y, maximum=kind == "maximumf")


def _reduction(b: FunctionBuilder, op: vector.ReductionOp) -> None:
    """Halves are combined until one lane is left. LLVM's own reductions of floats are serial
    without `reassoc`, and of NaN-propagating extremes slow on x86."""
    kind = op.kind.data.value
    fastmath = fastmath_of(op)
    value = b.value(op.vector)
    lanes = _lanes(value.type)
    element = value.type.element_type  # type: ignore[attr-defined]
    if element == I1 and kind in ("and", "or") and op.acc is None:
        b.values[op.dest] = _reduce_bools(b, value, kind)
        return
    while lanes > 2 and lanes % 2 == 0:
        lanes //= 2
        poison = b.poison(value.type)
        low = shuffle(b, value, poison, list(range(lanes)))
        high = shuffle(b, value, poison, list(range(lanes, 2 * lanes)))
        value = combine(b, kind, low, high, fastmath)
    scalars = [
        b.pure(llvm.ExtractElementOp, (value, b.integer(lane)), element) for lane in range(lanes)
    ]
    if op.acc is not None:
        scalars.insert(0, b.value(op.acc))
    result = scalars[0]
    for scalar in scalars[1:]:
        result = combine(b, kind, result, scalar, fastmath)
    b.values[op.dest] = result


def _reduce_bools(b: FunctionBuilder, mask: SSAValue, kind: str) -> SSAValue:
    """Whether any or all bits of a mask are set, which is one test of a mask register."""
    type_ = IntegerType(_lanes(mask.type))
    bits = b.pure(llvm.BitcastOp, (mask,), type_)
    if kind == "or":
        return compare_integers(b, "ne", bits, b.integer(0, type_))
    return compare_integers(b, "eq", bits, b.integer(-1, type_))


RULES: dict[type[Operation], Rule] = {
    vector.LoadOp: _load,
    vector.StoreOp: _store,
    vector.MaskedLoadOp: _maskedload,
    vector.MaskedStoreOp: _maskedstore,
    vector.GatherOp: _gather,
    vector.ScatterOp: _scatter,
    vector.StepOp: _step,
    vector.ConstantMaskOp: _constant_mask,
    vector.CreateMaskOp: _create_mask,
    vector.BroadcastOp: _broadcast,
    vector.ExtractOp: _extract,
    vector.InsertOp: _insert,
    vector.ShuffleOp: _shuffle,
    vector.BitcastOp: _bitcast,
    vector.FMAOp: _fma,
    vector.ReductionOp: _reduction,
}
