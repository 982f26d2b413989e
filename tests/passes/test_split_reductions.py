"""`split-reductions` computes the same, up to rounding, and exactly for exact sums."""

from __future__ import annotations

import pytest
import torch
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region

from fxlower.dialects import fxt
from fxlower.dialects.build import F32, I1, I64, emit, emit1, string_attr, tensor_type
from fxlower.passes.canonicalize_fxt import CanonicalizeFxtPass
from fxlower.passes.split_reductions import SplitReductionsPass, divisor_near
from tests.passes.fxt_evaluator import DTYPES, evaluate


def reduction(
    cls: type[Operation], element: Attribute, shape: tuple[int, ...], axes: tuple[int, ...]
) -> ModuleOp:
    """A reduction of an elementwise expression with a broadcast operand, where there is one."""
    row = tensor_type(element, shape[-1:])
    type_ = tensor_type(element, shape)
    block = Block(arg_types=[type_, row])
    x, y = block.args
    mapping = fxt.axes_attr((len(shape) - 1,))
    repeated = emit1(block, fxt.BroadcastOp, (y,), type_, {"mapping": mapping})
    combine = fxt.XorOp if element == I1 else fxt.SubOp
    value = emit1(block, combine, (x, repeated), type_)
    kept = tensor_type(element, tuple(d for a, d in enumerate(shape) if a not in axes))
    result = emit1(block, cls, (value,), kept, {"axes": fxt.axes_attr(axes)})
    emit(block, ReturnOp, (result,))
    function = FuncOp("main", ([type_, row], [kept]), Region(block))
    return ModuleOp([function], {"fxlower.machine": string_attr("x86-64-v4")})


def reductions_in(module: ModuleOp) -> int:
    return sum(isinstance(op, fxt.REDUCTIONS) for op in module.walk())


SHAPES = [
    ((1 << 16,), (0,), 2),
    ((100003,), (0,), 3),  # a prime: a main part in two steps, and the rest
    ((512, 384), (0, 1), 2),
    ((70000, 3), (0,), 2),
    ((3, 70000), (1,), 2),
    ((2, 3, 50000), (0, 2), 2),
    ((65537, 2), (0, 1), 3),
    ((8, 70000), (1,), 1),  # enough results
    ((256, 255), (0, 1), 1),  # too short
]


@pytest.mark.parametrize(("shape", "axes", "reductions"), SHAPES)
@pytest.mark.parametrize(
    ("cls", "element"),
    [(fxt.SumOp, F32), (fxt.SumOp, I64), (fxt.AmaxOp, F32), (fxt.AminOp, I1), (fxt.ProdOp, I64)],
)
def test_same_results(
    cls: type[Operation],
    element: Attribute,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    reductions: int,
) -> None:
    module = reduction(cls, element, shape, axes)
    generator = torch.Generator().manual_seed(0)
    arguments = [
        torch.randint(-9, 9, fxt.dims(a), generator=generator).to(DTYPES[element])  # type: ignore[arg-type]
        for a in module.body.block.first_op.regions[0].block.args  # type: ignore[union-attr]
    ]
    (expected,) = evaluate(module, arguments)
    CanonicalizeFxtPass().apply(Context(), module)
    SplitReductionsPass().apply(Context(), module)
    module.verify()
    assert reductions_in(module) == reductions
    (got,) = evaluate(module, arguments)
    assert torch.equal(got, expected)

    text = str(module)
    SplitReductionsPass().apply(Context(), module)
    assert str(module) == text


def test_rounding_errors_stay_small() -> None:
    module = reduction(fxt.SumOp, F32, (1 << 20,), (0,))
    x = torch.rand(1 << 20, generator=torch.Generator().manual_seed(0))
    arguments = [x, torch.full((1 << 20,), 0.25)]
    SplitReductionsPass().apply(Context(), module)
    (got,) = evaluate(module, arguments)
    exact = (x.double() - 0.25).sum()
    assert abs(got.double() - exact) < 1e-5 * abs(exact)


@pytest.mark.parametrize(
    ("size", "least", "parts"),
    [(1 << 20, 4, 256), (1000, 4, 250), (100003, 4, None), (6, 4, None), (3 * 65537, 2, 3)],
)
def test_divisor_near(size: int, least: int, parts: int | None) -> None:
    assert divisor_near(size, 256, least) == parts
