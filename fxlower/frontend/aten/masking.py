"""Elements chosen by a mask, in row-major order: a running count of `True` says which is which."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import I1, I64
from fxlower.frontend.aten.indexing import broadcast_dims
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers

aten = torch.ops.aten


def _numbers(b: RuleBuilder, mask: SSAValue) -> SSAValue:
    """For each element of a flat mask how many before it are chosen."""
    chosen = b.cast(mask, I64)
    return b.sub(b.scan(fxt.CumsumOp, chosen, 0), chosen)


def _flat(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.reshape(x, (symbols.product(b.dims(x)),))


@lowers(aten.masked_scatter.default)
def masked_scatter(b: RuleBuilder, x: SSAValue, mask: SSAValue, source: SSAValue) -> SSAValue:
    """Too few elements in the source are an error, raised as that of an index."""
    dims = broadcast_dims([b.dims(x), b.dims(mask)])
    if b.element(mask) != I1 or b.element(source) != b.element(x):
        raise NotLowered("a mask that is not bool, or a source of another dtype")
    if b.may_be_empty(symbols.product(b.dims(source))):
        raise NotLowered("a source that may have no elements")
    chosen = _flat(b, b.broadcast_to(mask, dims))
    count, source = b.dims(chosen), _flat(b, source)
    if 0 in count:
        return b.broadcast_to(x, dims)
    numbers = b.select(chosen, _numbers(b, chosen), b.full(0, I64, count))
    place = b.normalize_index(numbers, b.dims(source)[0])
    old = _flat(b, b.broadcast_to(x, dims))
    return b.reshape(b.select(chosen, b.gather(source, [place]), old), dims)


@lowers(aten.masked_scatter_backward.default)
def masked_scatter_backward(
    b: RuleBuilder, grad: SSAValue, mask: SSAValue, sizes: Sequence[int | Sym]
) -> SSAValue:
    """The chosen elements one after the other, then zeros. What is not chosen goes to a place after
    the end."""
    chosen = _flat(b, b.broadcast_to(mask, b.dims(grad)))
    grad, total = _flat(b, grad), symbols.product(b.result.dims)
    beyond = b.broadcast_to(b.size_scalar(total), b.dims(chosen))
    place = b.min(b.select(chosen, _numbers(b, chosen), beyond), beyond)
    zeros = b.full(0, b.element(grad), (symbols.add(total, 1),))
    made = b.scatter("set", zeros, grad, [0], [place])
    return b.reshape(b.slice_axis(made, 0, 0, total), b.result.dims)
