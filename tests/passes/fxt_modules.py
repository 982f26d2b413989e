"""Random `fxt` modules: elementwise ops, views, reductions, joins, gathers of static dims.

`random_module` draws from a `draw(low, high) -> int`, so that hypothesis can shrink what it makes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import permutations

from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import (
    BF16,
    F32,
    I1,
    I32,
    I64,
    dims_attr,
    emit1,
    float_attr,
    int_attr,
    is_float,
    tensor_type,
)

Draw = Callable[[int, int], int]

SHAPES = ((), (1,), (4,), (2, 3), (3, 2), (1, 4), (4, 1), (2, 2, 3), (1, 2, 3), (2, 1, 6))
ELEMENTS = (F32, F32, F32, I64, I1, I32, BF16)

FLOAT_UNARY = (fxt.NegOp, fxt.AbsOp, fxt.FloorOp, fxt.CeilOp, fxt.TruncOp, fxt.RoundOp, fxt.SqrtOp)
BINARY = {
    "float": (fxt.AddOp, fxt.SubOp, fxt.MulOp, fxt.DivOp, fxt.MaxOp, fxt.MinOp),
    "int": (
        *(fxt.AddOp, fxt.SubOp, fxt.MulOp, fxt.MaxOp, fxt.MinOp),
        *(fxt.AndOp, fxt.OrOp, fxt.XorOp),
    ),
    "bool": (fxt.AndOp, fxt.OrOp, fxt.XorOp),
}
CONSTANTS = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 3.0, math.inf, -math.inf, math.nan)


class Generator:
    def __init__(self, draw: Draw):
        self.draw = draw
        arguments = [
            tensor_type(ELEMENTS[draw(0, len(ELEMENTS) - 1)], self.pick(SHAPES))
            for _ in range(draw(1, 3))
        ]
        self.block = Block(arg_types=arguments)
        self.values: list[SSAValue] = list(self.block.args)

    def pick(self, items):  # type: ignore[no-untyped-def]
        return items[self.draw(0, len(items) - 1)]

    def value(self) -> SSAValue:
        # Mostly a recent one, so that chains form.
        back = min(self.draw(0, 8) // 2, len(self.values) - 1)
        return self.values[-1 - back]

    def emit(
        self,
        cls: type[Operation],
        operands: tuple[SSAValue, ...],
        element: Attribute,
        shape: tuple[int, ...],
        **properties: Attribute,
    ) -> SSAValue:
        value = emit1(self.block, cls, operands, tensor_type(element, shape), properties)
        self.values.append(value)
        return value

    def operand_like(self, value: SSAValue) -> SSAValue:
        """Another value of the same type: one there is, or a constant."""
        same = [v for v in self.values if v.type == value.type]
        if self.draw(0, 2):
            return self.pick(same)
        return self.constant(fxt.element(value), fxt.dims(value))

    def constant(self, element: Attribute, shape: tuple[int, ...]) -> SSAValue:
        if is_float(element):
            attr: Attribute = float_attr(self.pick(CONSTANTS), element)
        else:
            attr = int_attr(self.draw(0, 1) if element == I1 else self.draw(-2, 3), element)
        return self.emit(fxt.FullOp, (), element, shape, value=attr)

    def step(self) -> None:
        kind = self.draw(0, 12)
        value = self.value()
        element, shape = fxt.element(value), fxt.dims(value)
        match kind:
            case 0 | 1:
                self.unary(value)
            case 2 | 3:
                family = "float" if is_float(element) else "bool" if element == I1 else "int"
                other = self.operand_like(value)
                pair = (value, other) if self.draw(0, 1) else (other, value)
                self.emit(self.pick(BINARY[family]), pair, element, shape)
            case 4:
                if self.draw(0, 1) or element == I1:
                    predicate = StringAttr(self.pick(fxt.PREDICATES))
                    pair = (value, self.operand_like(value))
                    self.emit(fxt.CmpOp, pair, I1, shape, predicate=predicate)
                else:
                    flags = [v for v in self.values if v.type == tensor_type(I1, shape)]
                    flag = self.pick(flags) if flags else self.constant(I1, shape)
                    triple = (flag, value, self.operand_like(value))
                    self.emit(fxt.SelectOp, triple, element, shape)
            case 5:
                self.generator()
            case 6 | 7 | 8:
                self.view(value)
            case 9:
                self.reduction(value)
            case 10:
                self.concat(value)
            case 11:
                self.matmul(value)
            case _:
                self.gather(value)

    def unary(self, value: SSAValue) -> None:
        element, shape = fxt.element(value), fxt.dims(value)
        choice = self.draw(0, 3)
        if choice == 0:
            targets = (F32, BF16) if is_float(element) else (F32, I64, I32, BF16)
            self.emit(fxt.CastOp, (value,), self.pick((*targets, I1)), shape)
        elif is_float(element):
            self.emit(self.pick(FLOAT_UNARY), (value,), element, shape)
        elif element == I1:
            self.emit(fxt.NotOp, (value,), element, shape)
        else:
            self.emit(self.pick((fxt.NegOp, fxt.NotOp, fxt.AbsOp)), (value,), element, shape)

    def generator(self) -> None:
        shape = self.pick(SHAPES)
        if self.draw(0, 2) == 0 and shape:
            self.emit(fxt.IotaOp, (), I64, shape, axis=int_attr(self.draw(0, len(shape) - 1)))
        elif self.draw(0, 1):
            type_ = tensor_type(I64, shape)
            numbers = [self.draw(-3, 3) for _ in range(math.prod(shape))]
            attr = DenseIntOrFPElementsAttr.from_list(type_, numbers)
            self.emit(fxt.DenseOp, (), I64, shape, value=attr)
        else:
            self.constant(self.pick(ELEMENTS), shape)

    def view(self, value: SSAValue) -> None:
        element, shape = fxt.element(value), fxt.dims(value)
        match self.draw(0, 3):
            case 0:
                targets = [s for s in SHAPES if math.prod(s) == math.prod(shape)]
                if targets:
                    self.emit(fxt.ReshapeOp, (value,), element, self.pick(targets))
            case 1:
                axes = self.pick(list(permutations(range(len(shape)))))
                target = tuple(shape[a] for a in axes)
                self.emit(fxt.PermuteOp, (value,), element, target, permutation=fxt.axes_attr(axes))
            case 2:
                if len(shape) < 3:
                    place, size = self.draw(0, len(shape)), self.draw(1, 3)
                    target = (*shape[:place], size, *shape[place:])
                    axes = [a for a in range(len(target)) if a != place]
                    self.emit(
                        fxt.BroadcastOp, (value,), element, target, mapping=fxt.axes_attr(axes)
                    )
            case _:
                starts, steps, target = [], [], []
                for size in shape:
                    start = self.draw(0, size - 1)
                    if self.draw(0, 2) == 0:
                        start, step, count = size - 1, -1, size
                    elif self.draw(0, 1):
                        start, step, count = 0, 1, size
                    else:
                        step = self.draw(1, 2)
                        count = self.draw(1, (size - start + step - 1) // step)
                    starts.append(start)
                    steps.append(step)
                    target.append(count)
                self.emit(
                    fxt.SliceOp,
                    (value,),
                    element,
                    tuple(target),
                    starts=dims_attr(tuple(starts)),
                    steps=fxt.axes_attr(steps),
                )

    def reduction(self, value: SSAValue) -> None:
        element, shape = fxt.element(value), fxt.dims(value)
        axes = [a for a in range(len(shape)) if self.draw(0, 1)]
        rest = tuple(d for a, d in enumerate(shape) if a not in axes)
        classes = (fxt.AmaxOp, fxt.AminOp) if element == I1 else fxt.REDUCTIONS
        if element == BF16 or (is_float(element) and all(shape[a] == 1 for a in axes)):
            # torch adds the single element to 0.0, and -0.0 is lost; bf16 sums are cast first.
            classes = (fxt.AmaxOp, fxt.AminOp)
        self.emit(self.pick(classes), (value,), element, rest, axes=fxt.axes_attr(axes))

    def matmul(self, value: SSAValue) -> None:
        """With a transpose of its own, or a value that fits."""
        shape = fxt.dims(value)
        if len(shape) < 2 or fxt.element(value) not in (F32, I64):
            return
        element, batch = fxt.element(value), shape[:-2]
        others = [
            v
            for v in self.values
            if fxt.element(v) == element
            and len(fxt.dims(v)) == len(shape)
            and fxt.dims(v)[:-1] == (*batch, shape[-1])
        ]
        if others and self.draw(0, 1):
            other = self.pick(others)
        else:
            axes = (*range(len(batch)), len(batch) + 1, len(batch))
            turned = (*batch, shape[-1], shape[-2])
            permutation = fxt.axes_attr(axes)
            other = self.emit(fxt.PermuteOp, (value,), element, turned, permutation=permutation)
        target = (*shape[:-1], fxt.dims(other)[-1])
        self.emit(fxt.MatmulOp, (value, other), element, target)

    def concat(self, value: SSAValue) -> None:
        shape = fxt.dims(value)
        if not shape:
            return
        axis = self.draw(0, len(shape) - 1)
        others = [
            v
            for v in self.values
            if fxt.element(v) == fxt.element(value)
            and len(fxt.dims(v)) == len(shape)
            and all(a == axis or d == shape[a] for a, d in enumerate(fxt.dims(v)))
        ]
        parts = (value, *(self.pick(others) for _ in range(self.draw(0, 2))))
        total = sum(fxt.dims(v)[axis] for v in parts)  # type: ignore[misc]
        if total <= 12:
            target = (*shape[:axis], total, *shape[axis + 1 :])
            self.emit(fxt.ConcatOp, parts, fxt.element(value), target, axis=int_attr(axis))

    def gather(self, value: SSAValue) -> None:
        shape = fxt.dims(value)
        if not shape:
            return
        target = self.pick([s for s in SHAPES if s])
        indices = []
        for size in shape:
            fitting = [a for a, d in enumerate(target) if d <= size]
            if fitting and self.draw(0, 3):
                axis = int_attr(self.pick(fitting))
                indices.append(self.emit(fxt.IotaOp, (), I64, target, axis=axis))
            else:
                raw = self.constant(I64, target)
                size_attr = int_attr(size)
                indices.append(self.emit(fxt.NormalizeIndexOp, (raw,), I64, target, size=size_attr))
        self.emit(fxt.GatherOp, (value, *indices), fxt.element(value), target)


def random_module(draw: Draw, steps: int) -> ModuleOp:
    generator = Generator(draw)
    for _ in range(steps):
        generator.step()
    made = [v for v in generator.values if isinstance(v.owner, Operation)]
    results = [generator.pick(made) for _ in range(generator.draw(1, 2))] if made else []
    results += made[-1:]
    emit_types = [v.type for v in results]
    generator.block.add_op(ReturnOp(*results))
    types = [a.type for a in generator.block.args]
    return ModuleOp([FuncOp("main", (types, emit_types), Region(generator.block))])
