"""Products of matrices. f16 and bf16 accumulate in f32; epilogues are computed in f32 too."""

from __future__ import annotations

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.frontend.builder import Operand, RuleBuilder
from fxlower.frontend.registry import lowers
from fxlower.frontend.types import accumulate_element, compute_element

aten = torch.ops.aten


@lowers(aten.mm.default, aten.bmm.default)
def mm(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    return b.matmul(lhs, rhs)


@lowers(aten.mm.dtype, aten.bmm.dtype)
def mm_dtype(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue, dtype: torch.dtype) -> SSAValue:
    element = b.result.element
    if fxt.MatmulOp.widens(b.element(lhs), b.element(rhs), element):
        return b.matmul(lhs, rhs, element)
    return b.matmul(b.cast(lhs, element), b.cast(rhs, element))


@lowers(aten._int_mm.default)
def int_mm(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    """i8 x i8 -> i32."""
    return b.matmul(lhs, rhs, b.result.element)


@lowers(aten.addmm.default, aten.baddbmm.default)
def addmm(
    b: RuleBuilder,
    x: SSAValue,
    lhs: SSAValue,
    rhs: SSAValue,
    *,
    beta: Operand = 1,
    alpha: Operand = 1,
) -> SSAValue:
    return _epilogue(b, x, b.matmul(lhs, rhs), beta, alpha)


def _epilogue(
    b: RuleBuilder, x: SSAValue, product: SSAValue, beta: Operand, alpha: Operand
) -> SSAValue:
    """beta * x + alpha * product; where beta is 0, x is not read, not even its NaNs."""
    compute = compute_element(b.result.element)
    value = b.cast(product, compute)
    if not _is(alpha, 1):
        value = b.mul(value, b.operand(alpha, compute))
    if not _is(beta, 0):
        bias = b.operand(x, compute)
        if not _is(beta, 1):
            bias = b.mul(bias, b.operand(beta, compute))
        value = b.add(value, bias)
    return b.to_result(value)


def _is(factor: Operand, number: int) -> bool:
    return isinstance(factor, (int, float)) and factor == number


@lowers(aten.addbmm.default)
def addbmm(
    b: RuleBuilder,
    x: SSAValue,
    lhs: SSAValue,
    rhs: SSAValue,
    *,
    beta: Operand = 1,
    alpha: Operand = 1,
) -> SSAValue:
    """The sum of the products of a batch is one product along (batch, k)."""
    batch, m, k = b.dims(lhs)
    n = b.dims(rhs)[2]
    depth = symbols.mul(batch, k)
    left = b.reshape(b.permute(lhs, (1, 0, 2)), (m, depth))
    return _epilogue(b, x, b.matmul(left, b.reshape(rhs, (depth, n))), beta, alpha)


def _matrix_vector(b: RuleBuilder, matrix: SSAValue, vector: SSAValue) -> SSAValue:
    column = b.reshape(vector, (*b.dims(vector), 1))
    return b.reshape(b.matmul(matrix, column), b.dims(matrix)[:1])


@lowers(aten.mv.default)
def mv(b: RuleBuilder, matrix: SSAValue, vector: SSAValue) -> SSAValue:
    return _matrix_vector(b, matrix, vector)


@lowers(aten.addmv.default)
def addmv(
    b: RuleBuilder,
    x: SSAValue,
    matrix: SSAValue,
    vector: SSAValue,
    *,
    beta: Operand = 1,
    alpha: Operand = 1,
) -> SSAValue:
    return _epilogue(b, x, _matrix_vector(b, matrix, vector), beta, alpha)


@lowers(aten.dot.default, aten.vdot.default)
def dot(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    compute = accumulate_element(b.result.element)
    return b.to_result(b.sum(b.mul(b.cast(lhs, compute), b.cast(rhs, compute)), (0,)))


@lowers(aten.addr.default)
def addr(
    b: RuleBuilder,
    x: SSAValue,
    lhs: SSAValue,
    rhs: SSAValue,
    *,
    beta: Operand = 1,
    alpha: Operand = 1,
) -> SSAValue:
    compute = compute_element(b.result.element)
    column = b.operand(b.reshape(lhs, (*b.dims(lhs), 1)), compute)
    return _epilogue(b, x, b.mul(column, b.operand(rhs, compute)), beta, alpha)


@lowers(aten.linear.default)
def linear(b: RuleBuilder, x: SSAValue, weight: SSAValue, bias: SSAValue | None = None) -> SSAValue:
    """x @ weight.T + bias, over all leading dims of x at once."""
    *rows, k = b.dims(x)
    if len(b.dims(weight)) == 1:
        product = _matrix_vector(b, b.reshape(x, (symbols.product(rows), k)), weight)
    else:
        flat = b.reshape(x, (symbols.product(rows), k))
        product = b.matmul(flat, b.permute(weight, (1, 0)))
    product = b.reshape(product, b.result.dims)
    return product if bias is None else _epilogue(b, bias, product, 1, 1)
