"""Results that are views of one value that is held in parts (`fxlower.frontend.encoded`).

In eager mode they share memory, which parts do not have: the host makes the value once, and then
the views.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.fx import Node
from xdsl.ir import SSAValue

from fxlower.frontend.encoded import Encoded
from fxlower.frontend.fallback import Fallbacks
from fxlower.frontend.scalars import ScalarBuilder


class SharedViews:
    """Those among the nodes that a graph returns."""

    def __init__(
        self,
        values: Mapping[Node, Any],
        fallbacks: Fallbacks,
        scalars: ScalarBuilder,
        returned: Any,
    ):
        self.values = values
        self.fallbacks = fallbacks
        self.scalars = scalars
        nodes = returned if isinstance(returned, (list, tuple)) else [returned]
        views: dict[int, set[Node]] = {}
        for node in nodes:
            if isinstance(node, Node) and isinstance(values[_viewed(node)], Encoded):
                storage = fallbacks.tensors.storage(node.meta["val"])
                views.setdefault(storage, set()).add(node)
        self.nodes = {n for group in views.values() if len(group) > 1 for n in group}

    def __contains__(self, node: Node) -> bool:
        return node in self.nodes

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
