"""What a static `fxt` module computes, op by op, with torch."""

from __future__ import annotations

import operator

import torch
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import BF16, F16, F32, F64, I1, I8, I16, I32, I64, dim_of, dims_from
from fxlower.passes.fxt_folds.number import number_of

DTYPES: dict[Attribute, torch.dtype] = {
    I1: torch.bool, I8: torch.int8, I16: torch.int16, I32: torch.int32, I64: torch.int64,
    F16: torch.float16, BF16: torch.bfloat16, F32: torch.float32, F64: torch.float64,
}  # fmt: skip


def _sqrt(value: torch.Tensor) -> torch.Tensor:
    """Correctly rounded, which `torch.sqrt` of f32 is not always."""
    return value.double().sqrt().to(value.dtype)


def _matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Small exact numbers give the same bits whatever the strides are."""
    return (a.double() @ b.double()).to(a.dtype) if a.is_floating_point() else a @ b


ELEMENTWISE = {
    fxt.NegOp: torch.neg, fxt.AbsOp: torch.abs, fxt.FloorOp: torch.floor, fxt.CeilOp: torch.ceil,
    fxt.TruncOp: torch.trunc, fxt.RoundOp: torch.round, fxt.SqrtOp: _sqrt,
    fxt.ExpOp: torch.exp, fxt.AddOp: torch.add, fxt.SubOp: torch.sub, fxt.MulOp: torch.mul,
    fxt.DivOp: torch.div, fxt.MaxOp: torch.maximum, fxt.MinOp: torch.minimum,
    fxt.AndOp: torch.bitwise_and, fxt.OrOp: torch.bitwise_or, fxt.XorOp: torch.bitwise_xor,
    fxt.NotOp: torch.bitwise_not, fxt.SelectOp: torch.where, fxt.RsqrtOp: torch.rsqrt,
    fxt.MatmulOp: _matmul,
}  # fmt: skip


def evaluate(module: ModuleOp, arguments: list[torch.Tensor]) -> list[torch.Tensor]:
    """The results of the only function of `module`."""
    function = module.body.block.first_op
    assert function is not None
    block = function.regions[0].block
    values: dict[SSAValue, torch.Tensor] = dict(zip(block.args, arguments))
    for op in block.ops:
        operands = [values[v] for v in op.operands]
        if isinstance(op, ReturnOp):
            return operands
        result = op.results[0]
        values[result] = _apply(op, operands)
        assert tuple(values[result].shape) == fxt.dims(result)
        assert values[result].dtype == DTYPES[fxt.element(result)]
    raise AssertionError("a function must return")


def _apply(op: Operation, args: list[torch.Tensor]) -> torch.Tensor:
    shape = fxt.dims(op.results[0])
    dtype = DTYPES[fxt.element(op.results[0])]
    if type(op) in ELEMENTWISE:
        return ELEMENTWISE[type(op)](*args)
    match op:
        case fxt.FullOp():
            return torch.full(shape, number_of(op.value), dtype=dtype)
        case fxt.DenseOp():
            return (
                torch.tensor(op.value.get_values(), dtype=dtype)
                .expand(max(torch.Size(shape).numel(), 1))
                .reshape(shape)
            )
        case fxt.IotaOp():
            axis = op.axis.value.data
            ones = [1] * len(shape)
            ones[axis] = shape[axis]
            return torch.arange(shape[axis]).reshape(ones).expand(shape)
        case fxt.CmpOp():
            return getattr(operator, op.predicate.data)(*args)
        case fxt.CastOp():
            return args[0].to(dtype)
        case fxt.ReshapeOp():
            return args[0].reshape(shape)
        case fxt.PermuteOp():
            return args[0].permute(op.axes)
        case fxt.BroadcastOp():
            ones = [d if a in op.axes else 1 for a, d in enumerate(shape)]
            return args[0].reshape(ones).expand(shape)
        case fxt.SliceOp():
            value = args[0]
            for axis, (start, step) in enumerate(zip(dims_from(op.starts), fxt.axes_of(op.steps))):
                value = value.index_select(axis, start + step * torch.arange(shape[axis]))
            return value
        case fxt.SumOp() | fxt.ProdOp() | fxt.AmaxOp() | fxt.AminOp():
            return _reduce(op, args[0])
        case fxt.ConcatOp():
            return torch.cat(args, op.axis.value.data)
        case fxt.NormalizeIndexOp():
            size = dim_of(op.size)
            index = torch.where(args[0] < 0, args[0] + size, args[0])
            return torch.where((index < 0) | (index >= size), 0, index)
        case fxt.GatherOp():
            return args[0][tuple(args[1:])]
        case _:
            raise AssertionError(f"no rule for {op.name}")


def _reduce(op: fxt.ReductionOp, value: torch.Tensor) -> torch.Tensor:
    if not op.axes:
        return value
    match op:
        case fxt.SumOp():
            return value.sum(op.axes, dtype=value.dtype)
        case fxt.ProdOp():
            for axis in reversed(op.axes):
                value = value.prod(axis, dtype=value.dtype)
            return value
        case fxt.AmaxOp():
            return value.amax(op.axes)
        case _:
            return value.amin(op.axes)
