"""Results of a graph that share memory in eager mode, where compiled code could make them apart
from each other: the host makes the value once, and then the views.

These are views of one value that is held in parts (`fxlower.frontend.encoded`), which have no
memory in common, and all views of one memory that the caller sees and may write to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.fx import Node
from xdsl.ir import SSAValue

from fxlower.frontend.encoded import Encoded
from fxlower.frontend.fallback import Fallbacks
from fxlower.frontend.scalars import ScalarBuilder


class SharedResults:
    """Those among the nodes that a graph returns, of which the caller sees the first `visible` (all
    where it is None). `placeholders` are the graph's: views of arguments are made by the host."""

    def __init__(
        self,
        returned: Sequence[Any],
        values: Mapping[Node, Any],
        fallbacks: Fallbacks,
        scalars: ScalarBuilder,
        placeholders: Iterable[Node],
        visible: int | None,
    ):
        self.values = values
        self.fallbacks = fallbacks
        self.scalars = scalars
        self.storages = self._found(returned, placeholders, visible)

    def _found(
        self, returned: Sequence[Any], placeholders: Iterable[Node], visible: int | None
    ) -> set[int]:
        """Storages that several of the results are in."""
        tensors = self.fallbacks.tensors
        arguments = {
            tensors.storage(value)
            for node in placeholders
            if isinstance(value := node.meta.get("val"), torch.Tensor)
        }
        found: dict[int, set[Any]] = {}
        for position, node in enumerate(returned):
            if not isinstance(node, Node) or not isinstance(node.meta.get("val"), torch.Tensor):
                continue
            storage = tensors.storage(node.meta["val"])
            if isinstance(self.values[_viewed(node)], Encoded):
                found.setdefault(storage, set()).add(node)
            elif (visible is None or position < visible) and storage not in arguments:
                what = self.values[node], tensors.info(node.meta["val"])
                found.setdefault(storage, set()).add(what)
        return {storage for storage, views in found.items() if len(views) > 1}

    def __contains__(self, node: Node) -> bool:
        return self.fallbacks.tensors.storage(node.meta["val"]) in self.storages

    def in_memory(self, node: Node) -> SSAValue:
        """The value of `node` as a view that the host makes."""
        value = self.values[node]
        if (source := _view_of(node)) is not None:
            values = {**self.values, source: self.in_memory(source)}
            convert = self.fallbacks.converter(self.scalars, values)
            value = self.fallbacks.call(node, convert, values, reason="")
            return value.in_eager if isinstance(value, Encoded) else value
        if isinstance(value, Encoded):
            encoder = self.fallbacks.encoder
            info = encoder.layout(self.fallbacks.tensors.info(node.meta["val"]))
            return encoder.put_together(value, info.strides)
        return value


def _view_of(node: Node) -> Node | None:
    """What a node is a view of, by its operator alone."""
    source = node.args[0] if node.args else None
    is_view = isinstance(node.target, torch._ops.OpOverload) and node.target.is_view
    single = isinstance(node.meta.get("val"), torch.Tensor)
    return source if is_view and single and isinstance(source, Node) else None


def _viewed(node: Node) -> Node:
    """What a node is a view of a view of..."""
    while (source := _view_of(node)) is not None:
        node = source
    return node
