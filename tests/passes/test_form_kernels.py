"""`form-kernels` and `split-segments` on random modules compute the same."""

from __future__ import annotations

import math
from itertools import combinations, permutations

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import F32, tensor_type
from fxlower.passes.canonicalize_fxt import CanonicalizeFxtPass
from fxlower.passes.form_kernels import FormKernelsPass
from fxlower.passes.split_segments import SplitSegmentsPass
from fxlower.reference.linalg import run
from tests.passes.fxt_evaluator import DTYPES, evaluate
from tests.passes.fxt_modules import Draw, Generator, random_module


def arguments_for(module: ModuleOp) -> list[torch.Tensor]:
    """Few distinct numbers: sums of them are exact in any order."""
    generator = torch.Generator().manual_seed(0)
    numbers = torch.tensor([0.0, 1.0, -1.0, 2.0, -3.0, 0.5, 7.0])
    out = []
    for argument in module.body.block.first_op.regions[0].block.args:
        index = torch.randint(len(numbers), fxt.dims(argument), generator=generator)
        out.append(numbers[index].to(DTYPES[fxt.element(argument)]))
    return out


def check(module: ModuleOp) -> None:
    arguments = arguments_for(module)
    expected = evaluate(module, arguments)
    text = str(module)
    for passes in (FormKernelsPass(), SplitSegmentsPass()):
        passes.apply(Context(), module)
        try:
            module.verify()
            found = run(module, "main", arguments)
        except Exception as error:
            raise AssertionError(f"{error}\n{text}\n{module}") from error
        for got, want in zip(found, expected, strict=True):
            torch.testing.assert_close(
                got, want, equal_nan=True, msg=lambda m: f"{m}\n{text}\n{module}"
            )


class RowGenerator(Generator):
    """Reductions and what goes back over their operands: the shapes of softmax and norms."""

    SHAPES = ((2, 3), (3, 2), (2, 2, 3), (2, 4, 6), (4, 3, 2))

    def __init__(self, draw: Draw):
        super().__init__(draw)
        self.block = Block(arg_types=[tensor_type(F32, self.pick(self.SHAPES)) for _ in range(2)])
        self.values = list(self.block.args)

    def step(self) -> None:
        value = self.value()
        shape = fxt.dims(value)
        match self.draw(0, 6):
            case 0 | 1:
                classes = (fxt.SqrtOp, fxt.NegOp, fxt.AbsOp, fxt.FloorOp)
                self.emit(self.pick(classes), (value,), F32, shape)
            case 2:
                if shape:
                    axes = [a for a in range(len(shape)) if self.draw(0, 1)] or [len(shape) - 1]
                    rest = tuple(d for a, d in enumerate(shape) if a not in axes)
                    classes = (fxt.SumOp, fxt.AmaxOp)
                    properties = {"axes": fxt.axes_attr(axes)}
                    self.emit(self.pick(classes), (value,), F32, rest, **properties)
            case 3 | 4:
                self.back_over(self.pick(self.values[-6:]), value)
            case 5:
                self.regroup(value)
            case _:
                other = self.operand_like(value)
                self.emit(self.pick((fxt.AddOp, fxt.MulOp, fxt.MaxOp)), (value, other), F32, shape)

    def back_over(self, value: SSAValue, row: SSAValue) -> None:
        small, large = fxt.dims(row), fxt.dims(value)
        places = combinations(range(len(large)), len(small))
        fitting = [p for p in places if tuple(large[a] for a in p) == small]
        if not fitting:
            return
        mapping = fxt.axes_attr(self.pick(fitting))
        over = self.emit(fxt.BroadcastOp, (row,), F32, large, mapping=mapping)
        self.emit(self.pick((fxt.SubOp, fxt.MulOp)), (value, over), F32, large)

    def regroup(self, value: SSAValue) -> None:
        shape = fxt.dims(value)
        if self.draw(0, 1):
            axes = self.pick(list(permutations(range(len(shape)))))
            turned = tuple(shape[a] for a in axes)
            self.emit(fxt.PermuteOp, (value,), F32, turned, permutation=fxt.axes_attr(axes))
            return
        count = math.prod(shape)
        sizes = {(count,), (1, count), shape[::-1]}
        sizes |= {(d, count // d) for d in (2, 3, 4, 6) if count % d == 0}
        sizes |= {(2, d, count // d // 2) for d in (2, 3) if count % (2 * d) == 0}
        self.emit(fxt.ReshapeOp, (value,), F32, self.pick(sorted(sizes)))


def row_module(draw: Draw, steps: int) -> ModuleOp:
    generator = RowGenerator(draw)
    for _ in range(steps):
        generator.step()
    made = [v for v in generator.values if isinstance(v.owner, Operation)]
    results = [*[generator.pick(made) for _ in range(draw(0, 2))], *made[-1:]] if made else []
    generator.block.add_op(ReturnOp(*results))
    types = [a.type for a in generator.block.args]
    function = FuncOp("main", (types, [v.type for v in results]), Region(generator.block))
    return ModuleOp([function])


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.data(), st.integers(3, 25))
def test_rows(data: st.DataObject, steps: int) -> None:
    check(row_module(lambda low, high: data.draw(st.integers(low, high)), steps))


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.data(), st.integers(1, 20))
def test_random_modules(data: st.DataObject, steps: int) -> None:
    module = random_module(lambda low, high: data.draw(st.integers(low, high)), steps)
    check(module)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.data(), st.integers(1, 20))
def test_random_canonical_modules(data: st.DataObject, steps: int) -> None:
    module = random_module(lambda low, high: data.draw(st.integers(low, high)), steps)
    CanonicalizeFxtPass().apply(Context(), module)
    check(module)
