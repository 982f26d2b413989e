"""What a module at stage `linalg` computes, with torch: the host's plan, segments and kernels.

Memory is real: every kernel result is stored with the strides its function declares, views are
other offsets and strides of the same storage by `fxlower.analysis.layout`, and a kernel's operands
must have the strides that it declares. Generics run all at once over parallel dims; over reduced
ones too where that is not too large and the body combines, else one step after the other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from xdsl.dialects import tensor
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, ModuleOp, StringAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.dialects.linalg.ops import FillOp, GenericOp, IndexOp, YieldOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr

from fxlower.analysis.layout import (
    canonical,
    declared_strides,
    reshape_strides,
    view_offset,
    view_strides,
)
from fxlower.analysis.symbols import contiguous_strides, evaluate
from fxlower.dialects import arith, fxt
from fxlower.dialects.build import DYNAMIC, I1, INDEX, Dim, dim_of, dims_of
from fxlower.dialects.fxt.call import CallOp
from fxlower.frontend.types import DTYPE
from fxlower.reference import fxt as meaning

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "arith.addf": torch.add, "arith.subf": torch.sub, "arith.mulf": torch.mul,
    "arith.divf": torch.div, "arith.remf": torch.fmod, "arith.maximumf": torch.maximum,
    "arith.minimumf": torch.minimum, "arith.addi": torch.add, "arith.subi": torch.sub,
    "arith.muli": torch.mul, "arith.andi": torch.bitwise_and, "arith.ori": torch.bitwise_or,
    "arith.xori": torch.bitwise_xor, "arith.maxsi": torch.maximum, "arith.minsi": torch.minimum,
    "arith.divsi": lambda a, b: torch.div(a, b, rounding_mode="trunc"),
    "arith.remsi": torch.fmod, "arith.shli": torch.bitwise_left_shift,
    "arith.shrsi": torch.bitwise_right_shift, "math.powf": torch.pow, "math.atan2": torch.atan2,
    "math.copysign": torch.copysign,
}  # fmt: skip

_UNARY: dict[str, Callable[[Any], Any]] = {
    "arith.negf": torch.neg, "math.absf": torch.abs, "math.floor": torch.floor,
    "math.ceil": torch.ceil, "math.roundeven": torch.round, "math.trunc": torch.trunc,
    "math.sqrt": lambda x: x.double().sqrt().to(x.dtype), "math.rsqrt": torch.rsqrt,
    "math.exp": torch.exp, "math.log": torch.log, "math.tanh": torch.tanh, "math.erf": torch.erf,
    "math.sin": torch.sin, "math.cos": torch.cos, "math.tan": torch.tan, "math.exp2": torch.exp2,
    "math.expm1": torch.expm1, "math.log2": torch.log2, "math.log10": torch.log10,
    "math.log1p": torch.log1p, "math.asin": torch.asin, "math.acos": torch.acos,
    "math.atan": torch.atan, "math.sinh": torch.sinh, "math.cosh": torch.cosh,
    "math.asinh": torch.asinh, "math.acosh": torch.acosh, "math.atanh": torch.atanh,
}  # fmt: skip

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge
}  # fmt: skip

_COMBINED: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "arith.addf": lambda x, d: x.sum(d, keepdim=True, dtype=x.dtype),
    "arith.addi": lambda x, d: x.sum(d, keepdim=True, dtype=x.dtype),
    "arith.maximumf": lambda x, d: x.amax(d, keepdim=True),
    "arith.maxsi": lambda x, d: x.amax(d, keepdim=True),
    "arith.minimumf": lambda x, d: x.amin(d, keepdim=True),
    "arith.minsi": lambda x, d: x.amin(d, keepdim=True),
    "arith.mulf": lambda x, d: x.prod(d, keepdim=True, dtype=x.dtype),
    "arith.muli": lambda x, d: x.prod(d, keepdim=True, dtype=x.dtype),
}
MOST_POINTS = 1 << 24
"""Points of a reduction that are computed at once."""

_IN_BODIES = ("fxt.normalize_index", "fxt.nonzero_divisor")
_UNSIGNED = ("arith.divui", "arith.remui", "arith.maxui", "arith.minui", "arith.shrui")


def dtype_of(element: Attribute) -> torch.dtype:
    return torch.int64 if element == INDEX else DTYPE[element]


class NoMeaning(Exception):
    """An op that is not interpreted."""


@dataclass(frozen=True)
class Memory:
    """A tensor in memory. Strides may be negative, which torch does not have."""

    storage: torch.Tensor
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @staticmethod
    def of(value: torch.Tensor, given: tuple[int, ...] | None = None) -> Memory:
        sizes = tuple(value.shape)
        strides = _numbers(contiguous_strides(sizes), {}) if given is None else given
        extent = 1 + sum((n - 1) * s for n, s in zip(sizes, strides)) if value.numel() else 0
        memory = Memory(torch.empty(extent, dtype=value.dtype), sizes, strides)
        memory.storage[memory.positions()] = value
        assert torch.equal(memory.read().isnan(), value.isnan())
        return memory

    def positions(self) -> torch.Tensor:
        where = torch.full(self.sizes, self.offset)
        for axis, (size, stride) in enumerate(zip(self.sizes, self.strides)):
            ones = [1] * len(self.sizes)
            ones[axis] = size
            where = where + (torch.arange(size) * stride).reshape(ones)
        return where

    def read(self) -> torch.Tensor:
        return self.storage[self.positions()]


def run(module: ModuleOp, name: str, arguments: Sequence[Any]) -> list[torch.Tensor]:
    """Call function `name` with tensors, and numbers for symbols."""
    functions = {f.sym_name.data: f for f in module.body.block.ops if isinstance(f, FuncOp)}
    function = functions[name]
    symbols = symbols_of(function, arguments)
    memory = [
        Memory.of(a, _numbers(declared_strides(v.type, function.arg_attrs, i), symbols))
        if isinstance(a, torch.Tensor)
        else a
        for i, (a, v) in enumerate(zip(arguments, function.body.block.args))
    ]
    return [m.read() for m in _call(functions, function, memory)]


def symbols_of(function: FuncOp, arguments: Sequence[Any]) -> dict[str, int]:
    if function.arg_attrs is None:
        return {}
    found = {}
    for attributes, value in zip(function.arg_attrs, arguments):
        symbol = attributes.data.get("fxt.symbol")
        if isinstance(symbol, StringAttr):
            found[symbol.data] = value
    return found


def _numbers(dims: Sequence[Dim], symbols: dict[str, int]) -> tuple[int, ...]:
    return tuple(evaluate(d, symbols) for d in dims)


def _call(functions: dict[str, FuncOp], function: FuncOp, arguments: list[Any]) -> list[Any]:
    symbols = symbols_of(function, arguments)
    assert len(arguments) == len(function.body.block.args)
    for i, (argument, value) in enumerate(zip(function.body.block.args, arguments)):
        if isinstance(argument.type, TensorType):
            strides = declared_strides(argument.type, function.arg_attrs, i)
            _check(value, dims_of(argument.type), strides, symbols)
    if "fxlower.kernel" in function.attributes:
        read = [a.read() if isinstance(a, Memory) else a for a in arguments]
        results = Kernel(function, read, symbols).run()
        out = []
        for i, (value, type_) in enumerate(zip(results, function.function_type.outputs)):
            strides = _numbers(declared_strides(type_, function.res_attrs, i), symbols)
            out.append(Memory.of(value, strides))
        return out
    values: dict[SSAValue, Any] = dict(zip(function.body.block.args, arguments))
    for op in function.body.block.ops:
        operands = [values[v] for v in op.operands]
        if isinstance(op, ReturnOp):
            for i, (value, type_) in enumerate(zip(operands, function.function_type.outputs)):
                strides = declared_strides(type_, function.res_attrs, i)
                _check(value, dims_of(type_), strides, symbols)
            return operands
        if isinstance(op, CallOp):
            results = _call(functions, functions[op.callee.string_value()], operands)
            values.update(zip(op.results, results))
        elif isinstance(op, fxt.VIEWS):
            values[op.results[0]] = _view(op, operands[0], symbols)
        else:
            raise AssertionError(f"the plan must hold calls and views only, got {op.name}")
    raise AssertionError("a function must return")


def _check(value: Memory, sizes: Any, strides: Any, symbols: dict[str, int]) -> None:
    sizes, strides = _numbers(sizes, symbols), _numbers(strides, symbols)
    assert value.sizes == sizes, f"expected sizes {sizes}, got {value.sizes}"
    found = canonical(sizes, value.strides)
    assert found == canonical(sizes, strides), f"expected strides {strides}, got {found}"


def _view(op: Operation, source: Memory, symbols: dict[str, int]) -> Memory:
    result = op.results[0]
    if isinstance(op, fxt.ReshapeOp):
        sizes = _numbers(dims_of(result.type), symbols)
        symbolic = reshape_strides(source.sizes, source.strides, sizes)
    else:
        sizes = _numbers(dims_of(result.type), symbols)
        symbolic = view_strides(op, source.strides)
    strides = None if symbolic is None else _numbers(symbolic, symbols)
    assert strides is not None, f"not a view: {op} of strides {source.strides}"
    (offset,) = _numbers([view_offset(op, source.strides)], symbols)
    return Memory(source.storage, sizes, strides, source.offset + offset)


class Kernel:
    """One call of a kernel."""

    def __init__(self, function: FuncOp, arguments: Sequence[Any], symbols: dict[str, int]):
        self.function = function
        self.symbols = symbols
        self.values: dict[SSAValue, Any] = dict(zip(function.body.block.args, arguments))

    def run(self) -> list[torch.Tensor]:
        for op in self.function.body.block.ops:
            if isinstance(op, ReturnOp):
                return [self.values[v] for v in op.operands]
            self.values[op.results[0]] = self.apply(op)
        raise AssertionError("a kernel must return")

    def sizes(self, value: SSAValue) -> tuple[int, ...]:
        return _numbers(dims_of(value.type), self.symbols)

    def apply(self, op: Operation) -> Any:
        values = self.values
        match op:
            case tensor.EmptyOp():
                dtype = dtype_of(op.tensor.type.element_type)
                empty = torch.empty(self.sizes(op.tensor), dtype=dtype)
                return empty.fill_(float("nan")) if empty.is_floating_point() else empty.fill_(1)
            case FillOp():
                return torch.full_like(values[op.outputs[0]], values[op.inputs[0]].item())
            case GenericOp():
                return self.generic(op)
            case tensor.InsertSliceOp():
                whole = values[op.dest].clone()
                moving = iter(op.offsets)
                offsets = [
                    int(values[next(moving)]) if o == DYNAMIC else o
                    for o in op.static_offsets.get_values()
                ]
                extents = iter(op.sizes)
                sizes = [
                    int(values[next(extents)]) if n == DYNAMIC else n
                    for n in op.static_sizes.get_values()
                ]
                piece = values[op.source].reshape(sizes)  # which may lack dims of size 1
                whole[tuple(slice(o, o + n) for o, n in zip(offsets, sizes))] = piece
                return whole
            case _ if op.name.startswith("fxt.") and op.name not in _IN_BODIES:
                interpreter = meaning.Interpreter(self.symbols)
                return interpreter.compute(op, [values[v] for v in op.operands])
            case tensor.CollapseShapeOp():
                value = values[op.src]
                groups = [[value.shape[i.value.data] for i in g] for g in op.reassociation]
                return value.reshape([math.prod(g) for g in groups])
            case _:
                return self.scalar(op, [values[v] for v in op.operands], (), ())

    def generic(self, op: GenericOp) -> torch.Tensor:
        iterators = [i.data for i in op.iterator_types]
        maps = [[_position(e) for e in m.data.results] for m in op.indexing_maps]
        sizes: list[int] = [-1] * len(iterators)
        for value, dims in zip((*op.inputs, *op.outputs), maps):
            for n, d in zip(self.values[value].shape, dims):
                assert sizes[d] in (-1, n), "loop extents must agree"
                sizes[d] = n
        assert -1 not in sizes, "some operand must give the extent of each loop"
        reduced = [i for i, t in enumerate(iterators) if t == IteratorType.REDUCTION]
        inputs = [_to_loops(self.values[v], dims, sizes) for v, dims in zip(op.inputs, maps[:-1])]
        kept = [i for i in range(len(sizes)) if i not in reduced]
        accumulator = _to_loops(self.values[op.outputs[0]], maps[-1], sizes)
        accumulator = accumulator.expand([sizes[i] if i in kept else 1 for i in range(len(sizes))])
        last = _combiner(op)
        stepped = reduced if last is None else _stepped(sizes, reduced)
        within = [i for i in reduced if i not in stepped]
        part = [1 if i in stepped else n for i, n in enumerate(sizes)]
        for point in itertools.product(*(range(sizes[i]) for i in stepped)):
            index = dict(zip(stepped, point))
            slices = [_at(v, index) for v in inputs]
            if last is not None and reduced:
                accumulator = self.at_once(op, last, slices, accumulator, part, within, index)
            else:
                accumulator = self.body(op, [*slices, accumulator], sizes, index)
        result = accumulator.expand([sizes[i] if i in kept else 1 for i in range(len(sizes))])
        result = result.reshape([sizes[i] for i in kept])
        return result.permute([kept.index(d) for d in maps[-1]]).contiguous()

    def at_once(
        self,
        op: GenericOp,
        last: Operation,
        inputs: list[Any],
        accumulator: torch.Tensor,
        sizes: list[int],
        reduced: list[int],
        index: dict[int, int],
    ) -> torch.Tensor:
        """All points of a reduction along `reduced` whose last op combines with the accumulator;
        the loops in `index` are at one point."""
        block = op.body.block
        self.values.update(zip(block.args, inputs))
        for inner in block.ops:
            if inner is last:
                break
            operands = [self.values[v] for v in inner.operands]
            self.values[inner.results[0]] = self.scalar(inner, operands, sizes, index)
        (new,) = (v for v in last.operands if v is not block.args[-1])
        value = self.values[new].expand(sizes)
        for axis in reduced:
            value = _COMBINED[last.name](value, axis)
        return _BINARY[last.name](accumulator, value)

    def body(
        self, op: GenericOp, arguments: list[Any], sizes: list[int], index: dict[int, int]
    ) -> torch.Tensor:
        block = op.body.block
        self.values.update(zip(block.args, arguments))
        for inner in block.ops:
            operands = [self.values[v] for v in inner.operands]
            if isinstance(inner, YieldOp):
                (value,) = operands
                result = op.results[0].type
                assert isinstance(result, TensorType)
                assert value.dtype == dtype_of(result.element_type)
                return value
            self.values[inner.results[0]] = self.scalar(inner, operands, sizes, index)
        raise AssertionError("a body must yield")

    def scalar(self, op: Operation, args: list[Any], sizes: Any, index: Any) -> torch.Tensor:
        result = op.results[0].type
        dtype = dtype_of(result)
        args = [torch.tensor(a) if isinstance(a, int) else a for a in args]
        name = op.name
        for value, operand in zip(args, op.operands):
            if not isinstance(operand.type, TensorType):
                assert value.dtype == dtype_of(operand.type), op
        if name in _BINARY:
            return _BINARY[name](*args)
        if name in _UNARY:
            return _UNARY[name](*args)
        if name in _UNSIGNED:
            return _unsigned(name, args[0], args[1])
        match op:
            case arith.ConstantOp():
                assert isinstance(op.value, (IntegerAttr, FloatAttr))
                return torch.tensor(op.value.value.data, dtype=dtype)
            case arith.CmpfOp():
                predicate = arith.CMPF_COMPARISON_OPERATIONS[op.predicate.value.data]
                assert predicate in ("une", "oeq", "olt", "ole", "ogt", "oge")
                return _COMPARE[predicate[1:]](*args)
            case arith.CmpiOp():
                predicate = arith.CMPI_COMPARISON_OPERATIONS[op.predicate.value.data]
                if predicate[0] == "u":
                    return _COMPARE[predicate[1:]](*map(_widened, args))
                return _COMPARE[predicate.removeprefix("s")](*args)
            case arith.SelectOp():
                return torch.where(*args)
            case arith.IndexCastOp() | arith.SIToFPOp() | arith.ExtSIOp() | arith.TruncIOp():
                return args[0].to(dtype) if result != I1 else (args[0] & 1).bool()
            case arith.ExtFOp() | arith.TruncFOp() | arith.FPToSIOp() | arith.FPToUIOp():
                return args[0].to(dtype)
            case arith.ExtUIOp() | arith.UIToFPOp():
                return _widened(args[0]).to(dtype)
            case arith.BitcastOp():
                return args[0].view(dtype)
            case IndexOp():
                dim = op.dim.value.data
                if dim in index:
                    return torch.tensor(index[dim])
                ones = [1] * len(sizes)
                ones[dim] = sizes[dim]
                return torch.arange(sizes[dim]).reshape(ones)
            case tensor.ExtractOp():
                return args[0][tuple(args[1:])]
            case fxt.NormalizeIndexOp():
                size = evaluate(dim_of(op.size), self.symbols)
                value = torch.where(args[0] < 0, args[0] + size, args[0])
                return torch.where((value < 0) | (value >= size), 0, value)
            case fxt.NonzeroDivisorOp():
                return torch.where(args[0] == 0, 1, args[0])
            case _:
                raise NoMeaning(name)


def _position(expression: AffineExpr) -> int:
    assert isinstance(expression, AffineDimExpr)
    return expression.position


def _stepped(sizes: Sequence[int], reduced: Sequence[int]) -> list[int]:
    """The reduced loops to run step by step, so that the others have few enough points."""
    points = math.prod(sizes)
    if not points:  # nothing to combine
        return list(reduced)
    found: list[int] = []
    for loop in reduced:
        if points <= MOST_POINTS:
            break
        found.append(loop)
        points //= sizes[loop]
    return found


def _combiner(op: GenericOp) -> Operation | None:
    """The op that combines a new value with the accumulator, where nothing else uses that."""
    block = op.body.block
    accumulator, end = block.args[-1], block.last_op
    uses = list(accumulator.uses)
    if len(uses) != 1 or end is None or len(end.operands) != 1:
        return None
    last = uses[0].operation
    if last.name not in _COMBINED or end.operands[0] is not last.results[0]:
        return None
    return last


def _to_loops(value: torch.Tensor, dims: Sequence[int], sizes: Sequence[int]) -> torch.Tensor:
    """`value` with one dim for each loop, of size 1 where it does not vary."""
    order = sorted(range(len(dims)), key=lambda i: dims[i])
    shape = [1] * len(sizes)
    for d in dims:
        shape[d] = sizes[d]
    return value.permute(order).reshape(shape)


def _at(value: torch.Tensor, index: dict[int, int]) -> torch.Tensor:
    for dim, i in index.items():
        value = value.narrow(dim, i if value.shape[dim] > 1 else 0, 1)
    return value


def _widened(value: torch.Tensor) -> torch.Tensor:
    """An integer read as unsigned."""
    if value.dtype == torch.bool:
        return value.long()
    bits = 8 * value.element_size()
    assert bits < 64 or bool((value >= 0).all()), "unsigned 64-bit numbers are not interpreted"
    return value.long() & ((1 << bits) - 1) if bits < 64 else value


def _unsigned(name: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    x, y = _widened(a), _widened(b)
    match name:
        case "arith.divui":
            out = torch.div(x, y, rounding_mode="floor")
        case "arith.remui":
            out = torch.remainder(x, y)
        case "arith.maxui":
            out = torch.maximum(x, y)
        case "arith.minui":
            out = torch.minimum(x, y)
        case _:
            out = torch.bitwise_right_shift(x, y)
    return out.to(a.dtype)
