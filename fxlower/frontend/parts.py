"""Rules that are done to each part of a value that is held in parts."""

from __future__ import annotations

from typing import Any

import torch
from xdsl.dialects.builtin import ComplexType
from xdsl.ir import SSAValue

from fxlower.dialects.build import dims_of
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.encoded import Encoded
from fxlower.frontend.registry import RULES, NotLowered, Rule
from fxlower.frontend.types import PART

# fmt: off
MOVES = [
    "view.default", "_unsafe_view.default", "reshape.default", "_reshape_alias.default",
    "view_copy.default", "squeeze.default", "squeeze.dim", "squeeze.dims", "unsqueeze.default",
    "flatten.using_ints", "unflatten.int", "permute.default", "transpose.int", "t.default",
    "numpy_T.default", "movedim.int", "movedim.intlist", "expand.default",
    "broadcast_to.default", "repeat.default", "select.int", "slice.Tensor", "narrow.default",
    "split.Tensor", "split.sizes", "split_with_sizes.default", "unbind.int", "flip.default",
    "roll.default", "diagonal.default", "index.Tensor", "index_select.default",
    "gather.default", "clone.default", "alias.default", "detach.default", "contiguous.default",
    "lift_fresh_copy.default",
]
# fmt: on
"""ATen operators that move elements of their first argument."""


def operator_named(name: str) -> Any:
    """The overload of ATen of that name, `add.Tensor`."""
    packet, overload = name.split(".")
    return getattr(getattr(torch.ops.aten, packet), overload)


def by_parts(overload: Any, *data: int) -> Rule:
    """The rule of an operator that is linear, or moves elements: it is done to each part. Arguments
    at `data` are such that of a real one the imaginary part is 0; others are taken as they are."""

    def of_parts(b: RuleBuilder, *args: Any, **kwargs: Any) -> Any:
        rule = RULES.get(overload)
        element = b.elements[0]
        if rule is None or element not in PART:
            raise NotLowered("no lowering of its parts")
        count = 2 if isinstance(element, ComplexType) else 1
        made: list[Any] = []
        for index in range(count):
            chosen = [
                part(b, a, index) if i in data or isinstance(a, Encoded) else a
                for i, a in enumerate(args)
            ]
            made.append(rule(b, *chosen, **kwargs))
        if isinstance(made[0], (list, tuple)):
            return [Encoded(element, tuple(parts)) for parts in zip(*made, strict=True)]
        return Encoded(element, tuple(made))

    return of_parts


def part(b: RuleBuilder, x: Any, index: int) -> Any:
    """That part of an argument that holds data: numbers and real tensors have no imaginary one."""
    if isinstance(x, Encoded):
        return x.parts[index]
    if isinstance(x, complex):
        return (x.real, x.imag)[index]
    if isinstance(x, (list, tuple)):
        return [part(b, v, index) for v in x]
    if index == 0 or x is None:
        return x
    if isinstance(x, SSAValue):
        return b.full(0, b.element(x), dims_of(x.type))
    return 0
