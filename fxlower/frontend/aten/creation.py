"""Tensors made from numbers."""

from __future__ import annotations

from typing import Any

import torch
from xdsl.ir import SSAValue

from fxlower.dialects.build import F64, FLOATS, I64
from fxlower.frontend.builder import Operand, RuleBuilder
from fxlower.frontend.registry import NotLowered, lowers
from fxlower.frontend.types import compute_element

aten = torch.ops.aten
prims = torch.ops.prims


def _filled(b: RuleBuilder, value: Operand) -> SSAValue:
    return b.operand(value, b.result.element)


@lowers(aten.full.default, aten.full_like.default, prims.full.default, prims.full_like.default)
def full(b: RuleBuilder, like: Any, value: Operand, *args: Any, **kwargs: Any) -> SSAValue:
    return _filled(b, value)


@lowers(aten.new_full.default)
def new_full(
    b: RuleBuilder, x: SSAValue, size: Any, value: Operand, *args: Any, **kwargs: Any
) -> SSAValue:
    return _filled(b, value)


@lowers(aten.fill.Scalar, aten.fill.Tensor)
def fill(b: RuleBuilder, x: SSAValue, value: Operand) -> SSAValue:
    return _filled(b, value)


@lowers(aten.scalar_tensor.default, prims.scalar_tensor.default)
def scalar_tensor(b: RuleBuilder, value: Operand, **kwargs: Any) -> SSAValue:
    return _filled(b, value)


@lowers(aten.ones.default, aten.ones_like.default, aten.new_ones.default)
def ones(b: RuleBuilder, *args: Any, **kwargs: Any) -> SSAValue:
    return _filled(b, 1)


@lowers(
    aten.zeros.default,
    aten.zeros_like.default,
    aten.new_zeros.default,
    aten.empty.memory_format,
    aten.empty_like.default,
    aten.empty_strided.default,
    aten.empty_permuted.default,
    aten.new_empty.default,
    aten.new_empty_strided.default,
    prims.empty_strided.default,
    prims.empty_permuted.default,
)
def zeros(b: RuleBuilder, *args: Any, **kwargs: Any) -> SSAValue:
    """Uninitialized tensors are zeros too: a constant costs nothing in the kernel that reads it."""
    return _filled(b, 0)


# -------------------------------------------------------------------------- sequences


def _sequence(b: RuleBuilder, start: Operand, step: Operand) -> SSAValue:
    """start + i * step, of integers in i64 and of floats in f64 as eager does, which rounds numbers
    to integers first where the result is of these."""
    element = F64 if b.result.element in FLOATS else I64
    if element == I64:
        start, step = (int(v) if isinstance(v, float) else v for v in (start, step))
    if not all(isinstance(v, (int, str)) for v in (start, step)):
        if element == I64:
            raise NotLowered("a sequence of integers from numbers that are computed")
        element = F64
    value = b.cast(b.iota(0, b.result.dims), element)
    if step != 1:
        value = b.mul(value, b.operand(step, element))
    if start != 0:
        value = b.add(value, b.operand(start, element))
    return b.cast(value, b.result.element)


@lowers(aten.arange.default)
def arange(b: RuleBuilder, end: Operand, **kwargs: Any) -> SSAValue:
    return _sequence(b, 0, 1)


@lowers(aten.arange.start)
def arange_start(b: RuleBuilder, start: Operand, end: Operand, **kwargs: Any) -> SSAValue:
    return _sequence(b, start, 1)


@lowers(aten.arange.start_step)
def arange_step(
    b: RuleBuilder, start: Operand, end: Operand, step: Operand = 1, **kwargs: Any
) -> SSAValue:
    return _sequence(b, start, step)


@lowers(prims.iota.default)
def iota(
    b: RuleBuilder, length: Operand, *, start: Operand = 0, step: Operand = 1, **kwargs: Any
) -> SSAValue:
    return _sequence(b, start, step)


@lowers(aten.linspace.default)
def linspace(
    b: RuleBuilder, start: Operand, end: Operand, steps: Operand, **kwargs: Any
) -> SSAValue:
    """From the nearer end, so that both ends are exact."""
    if b.result.element not in FLOATS or not isinstance(steps, int):
        raise NotLowered("linspace of integers or of a symbolic length")
    element = compute_element(b.result.element)
    first, last = b.operands(start, end, element=element)
    if steps <= 1:
        return b.to_result(first)
    index = b.iota(0, b.result.dims)
    step = b.div(b.sub(last, first), b.full_like(steps - 1, first))
    from_start = b.add(first, b.mul(step, b.cast(index, element)))
    left = b.cast(b.sub(b.full_like(steps - 1, index), index), element)
    from_end = b.sub(last, b.mul(step, left))
    near = b.compare("lt", index, b.full_like(steps // 2, index))
    return b.to_result(b.select(near, from_start, from_end))


# -------------------------------------------------------------------------- triangles


@lowers(aten.eye.default, aten.eye.m)
def eye(b: RuleBuilder, *args: Any, **kwargs: Any) -> SSAValue:
    dims = b.result.dims
    return b.cast(b.compare("eq", b.iota(0, dims), b.iota(1, dims)), b.result.element)


def _triangle(b: RuleBuilder, x: SSAValue, predicate: str, diagonal: Operand) -> SSAValue:
    dims = b.dims(x)
    row, column = b.iota(len(dims) - 2, dims), b.iota(len(dims) - 1, dims)
    kept = b.compare(predicate, b.sub(column, row), b.operand(diagonal, I64))
    return b.select(kept, x, b.full_like(0, x))


@lowers(aten.tril.default)
def tril(b: RuleBuilder, x: SSAValue, diagonal: Operand = 0) -> SSAValue:
    return _triangle(b, x, "le", diagonal)


@lowers(aten.triu.default)
def triu(b: RuleBuilder, x: SSAValue, diagonal: Operand = 0) -> SSAValue:
    return _triangle(b, x, "ge", diagonal)
