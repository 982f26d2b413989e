"""Executes `fxt` with torch, one op at a time: what an imported graph means.

It separates faults of the importer from faults of the compiler behind it. Every op is done in the
most literal way: `fxt.matmul` of bf16 in f32, `fxt.scatter` by a loop over the updates.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils import _pytree as pytree
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, FloatAttr, IntegerAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import I1, dim_of, dims_from, dims_of
from fxlower.dialects.fxt.view import axes_of
from fxlower.frontend.program import (
    ExpressionSlot,
    Imported,
    InputSlot,
    ScalarSlot,
    SizeSlot,
    TensorOutput,
    TensorSlot,
)
from fxlower.frontend.types import DTYPE

Tensor = torch.Tensor

UNARY: dict[type[Operation], Callable[[Tensor], Tensor]] = {
    fxt.NegOp: torch.neg,
    fxt.AbsOp: torch.abs,
    fxt.NotOp: torch.bitwise_not,
    fxt.FloorOp: torch.floor,
    fxt.CeilOp: torch.ceil,
    fxt.RoundOp: torch.round,
    fxt.TruncOp: torch.trunc,
    fxt.SqrtOp: torch.sqrt,
    fxt.RsqrtOp: torch.rsqrt,
    fxt.ExpOp: torch.exp,
    fxt.Exp2Op: torch.exp2,
    fxt.Expm1Op: torch.expm1,
    fxt.LogOp: torch.log,
    fxt.Log2Op: torch.log2,
    fxt.Log10Op: torch.log10,
    fxt.Log1POp: torch.log1p,
    fxt.SinOp: torch.sin,
    fxt.CosOp: torch.cos,
    fxt.TanOp: torch.tan,
    fxt.AsinOp: torch.asin,
    fxt.AcosOp: torch.acos,
    fxt.AtanOp: torch.atan,
    fxt.SinhOp: torch.sinh,
    fxt.CoshOp: torch.cosh,
    fxt.TanhOp: torch.tanh,
    fxt.AsinhOp: torch.asinh,
    fxt.AcoshOp: torch.acosh,
    fxt.AtanhOp: torch.atanh,
    fxt.ErfOp: torch.erf,
}

BINARY: dict[type[Operation], Callable[[Tensor, Tensor], Tensor]] = {
    fxt.AddOp: torch.add,
    fxt.SubOp: torch.sub,
    fxt.MulOp: torch.mul,
    fxt.FloordivOp: lambda a, b: torch.div(a, b, rounding_mode="floor"),
    fxt.RemOp: torch.fmod,
    fxt.MaxOp: torch.maximum,
    fxt.MinOp: torch.minimum,
    fxt.AndOp: torch.bitwise_and,
    fxt.OrOp: torch.bitwise_or,
    fxt.XorOp: torch.bitwise_xor,
    fxt.ShlOp: torch.bitwise_left_shift,
    fxt.ShrOp: torch.bitwise_right_shift,
    fxt.PowOp: torch.pow,
    fxt.Atan2Op: torch.atan2,
    fxt.CopysignOp: torch.copysign,
}

PREDICATES = {
    "eq": torch.eq,
    "ne": torch.ne,
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
}

SCATTER: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "set": lambda old, new: new,
    "add": torch.add,
    "mul": torch.mul,
    "max": torch.maximum,
    "min": torch.minimum,
}


class Trap(Exception):
    """A run-time check failed: "IndexError" or "ZeroDivisionError"."""


def run(program: Imported, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of `program` for the values of the graph's placeholders. Inputs that the graph
    mutates are written to."""
    return Run(program, inputs).run()


class Interpreter:
    """What single ops compute, for given values of the symbols."""

    def __init__(self, symbols: dict[str, int]) -> None:
        self.symbols = symbols

    def dims(self, dims: Sequence[int | str]) -> tuple[int, ...]:
        return tuple(symbols.evaluate(d, self.symbols) for d in dims)

    def result_dims(self, op: Operation) -> tuple[int, ...]:
        return self.dims(dims_of(op.results[0].type))

    def compute(self, op: Operation, operands: list[Tensor]) -> Tensor:
        if type(op) in UNARY:
            return UNARY[type(op)](*operands)
        if type(op) in BINARY:
            return BINARY[type(op)](*operands)
        match op:
            case fxt.DivOp():
                mode = None if operands[0].is_floating_point() else "trunc"
                return torch.div(*operands, rounding_mode=mode)
            case fxt.CmpOp():
                return PREDICATES[op.predicate.data](*operands)
            case fxt.SelectOp():
                return torch.where(*operands)
            case fxt.CastOp():
                return operands[0].to(_dtype(op))
            case fxt.BitcastOp():
                return operands[0].view(_dtype(op))
            case fxt.NonzeroDivisorOp():
                if (operands[0] == 0).any():
                    raise Trap("ZeroDivisionError")
                return operands[0]
            case fxt.FullOp():
                return torch.full(self.result_dims(op), _number(op.value), dtype=_dtype(op))
            case fxt.DenseOp():
                assert isinstance(op.value, DenseIntOrFPElementsAttr)
                flat = torch.tensor(list(op.value.iter_values()), dtype=_dtype(op))
                return flat.reshape(self.result_dims(op))
            case fxt.IotaOp():
                dims = self.result_dims(op)
                axis = op.axis.value.data
                shape = [-1 if i == axis else 1 for i in range(len(dims))]
                return torch.arange(dims[axis]).reshape(shape).expand(dims).clone()
            case fxt.SizeOp():
                return torch.tensor(symbols.evaluate(dim_of(op.size), self.symbols))
            case _:
                return self.structured(op, operands)

    def structured(self, op: Operation, operands: list[Tensor]) -> Tensor:
        match op:
            case fxt.ReshapeOp():
                return operands[0].reshape(self.result_dims(op))
            case fxt.PermuteOp():
                return operands[0].permute(op.axes)
            case fxt.BroadcastOp():
                dims = self.result_dims(op)
                kept = [d if i in op.axes else 1 for i, d in enumerate(dims)]
                return operands[0].reshape(kept).expand(dims)
            case fxt.SliceOp():
                return self.slice(op, operands[0])
            case fxt.AsStridedOp():
                strides = self.dims(dims_from(op.strides))
                offset = symbols.evaluate(dim_of(op.offset), self.symbols)
                first = operands[0].storage_offset() + offset
                return operands[0].as_strided(self.result_dims(op), strides, first)
            case fxt.ReductionOp():
                return _reduce(op, operands[0])
            case fxt.CumsumOp():
                return torch.cumsum(operands[0], op.axis.value.data, dtype=operands[0].dtype)
            case fxt.CumprodOp():
                return torch.cumprod(operands[0], op.axis.value.data, dtype=operands[0].dtype)
            case fxt.CumlogaddexpOp():
                return torch.logcumsumexp(operands[0], op.axis.value.data)
            case fxt.CumargmaxOp():
                return torch.cummax(operands[0], op.axis.value.data).indices
            case fxt.CumargminOp():
                return torch.cummin(operands[0], op.axis.value.data).indices
            case fxt.ArgsortOp():
                axis, descending = op.axis.value.data, op.order.data == "descending"
                order = torch.argsort(operands[0], dim=axis, descending=descending, stable=True)
                return order.narrow(axis, 0, self.result_dims(op)[axis])
            case fxt.NormalizeIndexOp():
                size = symbols.evaluate(dim_of(op.size), self.symbols)
                if ((operands[0] < -size) | (operands[0] >= size)).any():
                    raise Trap("IndexError")
                return torch.where(operands[0] < 0, operands[0] + size, operands[0])
            case fxt.GatherOp():
                return operands[0][tuple(operands[1:])]
            case fxt.ScatterOp():
                return _scatter(op, *operands)
            case fxt.ConcatOp():
                return torch.cat(operands, op.axis.value.data)
            case fxt.PadOp():
                result = torch.full(self.result_dims(op), _number(op.value), dtype=_dtype(op))
                low = self.dims(dims_from(op.low))
                inside = tuple(slice(a, a + n) for a, n in zip(low, operands[0].shape))
                result[inside] = operands[0]
                return result
            case fxt.MatmulOp():
                if operands[0].dtype in (torch.float16, torch.bfloat16):
                    return (operands[0].float() @ operands[1].float()).to(_dtype(op))
                return operands[0].to(_dtype(op)) @ operands[1].to(_dtype(op))
            case _:
                raise AssertionError(f"no meaning for {op.name}")

    def slice(self, op: fxt.SliceOp, x: Tensor) -> Tensor:
        starts, steps = self.dims(dims_from(op.starts)), axes_of(op.steps)
        for axis, (start, step, count) in enumerate(zip(starts, steps, self.result_dims(op))):
            if step > 0 and start >= 0 and start + step * (count - 1) < x.shape[axis] and count:
                x = x.narrow(axis, start, step * (count - 1) + 1)  # a view: it may be written to
                x = x[(slice(None),) * axis + (slice(None, None, step),)]
                continue
            index = start + step * torch.arange(count)
            assert ((index >= 0) & (index < x.shape[axis])).all(), f"out of bounds: {op}"
            x = x.index_select(axis, index)
        return x


class Run(Interpreter):
    """One call of a program. `values` are those of the SSA values afterwards."""

    def __init__(self, program: Imported, inputs: Sequence[Any]):
        super().__init__({})
        self.program = program
        self.inputs = inputs
        self.values: dict[SSAValue, Any] = {}
        self.results: list[Any] = []
        """What `@main` returns: the outputs that are tensors, and new values of inputs."""
        self.outputs: list[Any] = []

    def run(self) -> list[Any]:
        functions = [f for f in self.program.module.ops if isinstance(f, FuncOp)]
        names = [f.sym_name.data for f in functions]
        function = functions[names.index("main") if "main" in names else 0]
        self.read_symbols()
        given = [self.inputs[p] for p in self.program.tensor_inputs]
        given += [tensor.clone() for tensor in self.program.attributes]  # kernels may write there
        for argument, value in zip(function.body.block.args, given):
            self.values[argument] = value
            self.check(argument, value)
        for op in function.body.block.ops:
            if isinstance(op, ReturnOp):
                return self.returned(function, [self.values[v] for v in op.operands])
            results = self.execute(op)
            for result, value in zip(op.results, results, strict=True):
                if result.first_use is not None:  # what fake kernels say of others may be wrong
                    self.check(result, value)
                self.values[result] = value
        raise AssertionError("no return")

    def read_symbols(self) -> None:
        for name, source in self.program.symbols.items():
            match source.kind:
                case "value":
                    self.symbols[name] = int(self.inputs[source.input])
                case "size":
                    self.symbols[name] = self.inputs[source.input].size(source.axis)
                case "stride":
                    self.symbols[name] = self.inputs[source.input].stride(source.axis)
                case "expression" if all(s in self.symbols for s in source.symbols):
                    assert source.expression is not None
                    self.symbols[name] = source.expression(self.symbols)
                case _:
                    pass

    def check(self, value: SSAValue, tensor: Any) -> None:
        """Every value has the dtype and the dims that its type says."""
        if not isinstance(value.type, TensorType):
            return
        expected = self.dims(dims_of(value.type)), DTYPE[value.type.element_type]
        found = tuple(tensor.shape), tensor.dtype
        assert found == expected, f"{value.owner}: expected {expected}, got {found}"

    def returned(self, function: FuncOp, results: list[Tensor]) -> list[Any]:
        self.outputs = outputs = []
        self.results = results
        values = [r.clone() for r in results]
        for output in self.program.outputs:
            match output:
                case TensorOutput(index):
                    outputs.append(values[index])
                case InputSlot(index):
                    outputs.append(self.inputs[index])
                case ScalarSlot(index):
                    outputs.append(values[index].item())
                case SizeSlot(size):
                    outputs.append(symbols.evaluate(size, self.symbols))
                case ExpressionSlot(_, evaluate):
                    outputs.append(evaluate(self.symbols))
                case _:
                    outputs.append(output)
        for index, value in enumerate(values):
            attrs = function.res_attrs.data[index].data if function.res_attrs else {}
            if "fxt.mutates" in attrs:
                number = attrs["fxt.mutates"]
                assert isinstance(number, IntegerAttr)
                argument = function.body.block.args[number.value.data]
                self.values[argument].copy_(value)
        return outputs

    # ---------------------------------------------------------------------- operations

    def execute(self, op: Operation) -> list[Any]:
        if isinstance(op, fxt.AtenOp):
            return self.call(op)
        operands = [self.values[v] for v in op.operands]
        return [self.compute(op, operands)]

    # ----------------------------------------------------------------------- fallbacks

    def call(self, op: fxt.AtenOp) -> list[Any]:
        call = self.program.calls[op.id.value.data]
        operands = [self.values[v] for v in op.operands]

        def resolve(arg: Any) -> Any:
            match arg:
                case TensorSlot(index):
                    return operands[index]
                case ScalarSlot(index):
                    return operands[index].item()
                case SizeSlot(size):
                    return symbols.evaluate(size, self.symbols)
                case InputSlot(index):
                    return self.inputs[index]
                case ExpressionSlot(_, evaluate):
                    return evaluate(self.symbols)
                case list() | tuple():
                    return type(arg)(resolve(a) for a in arg)
                case _:
                    return arg

        args = [resolve(a) for a in call.args]
        kwargs = {k: resolve(v) for k, v in call.kwargs.items()}
        flat = pytree.tree_leaves(call.target(*args, **kwargs))
        assert len(flat) == len(call.results), f"{call.target} gave {len(flat)} results"
        results = {r: value for value, r in zip(flat, call.results) if r is not None}
        for name, index, axis in call.symbols:
            self.symbols[name] = int(flat[index]) if axis is None else results[index].size(axis)
        self.read_symbols()
        return [results[i] for i in range(len(op.results))]


def _dtype(op: Operation) -> torch.dtype:
    type_ = op.results[0].type
    assert isinstance(type_, TensorType)
    return DTYPE[type_.element_type]


def _number(attr: Attribute) -> float | int | bool:
    if isinstance(attr, FloatAttr):
        return attr.value.data
    assert isinstance(attr, IntegerAttr)
    return bool(attr.value.data) if attr.type == I1 else attr.value.data


def _reduce(op: fxt.ReductionOp, x: Tensor) -> Tensor:
    axes = op.axes
    match op:
        case fxt.SumOp():
            return x.sum(axes, dtype=x.dtype)
        case fxt.ProdOp():
            for axis in sorted(axes, reverse=True):
                x = x.prod(axis, dtype=x.dtype)
            return x
        case _ if not x.numel():  # the neutral element, where a result has elements at all
            shape = [n for i, n in enumerate(x.shape) if i not in axes]
            neutral = -torch.inf if isinstance(op, fxt.AmaxOp) else torch.inf
            return torch.full(shape, neutral).to(x.dtype)
        case fxt.AmaxOp():
            return x.amax(axes)
        case _:
            return x.amin(axes)


def _scatter(op: fxt.ScatterOp, dest: Tensor, updates: Tensor, *indices: Tensor) -> Tensor:
    result = dest.clone()
    combine = SCATTER[op.mode.data]
    for position in itertools.product(*(range(n) for n in indices[0].shape)):
        place: list[Any] = [slice(None)] * dest.dim()
        for axis, index in zip(op.axes, indices):
            place[axis] = int(index[position])
        result[tuple(place)] = combine(result[tuple(place)], updates[position])
    return result
