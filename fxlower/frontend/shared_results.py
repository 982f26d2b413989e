"""Results of a graph that share memory in eager mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.fx import Node

from fxlower.frontend.encoded import Encoded
from fxlower.frontend.tensors import TensorReader


def shared_storages(
    returned: Sequence[Any],
    values: Mapping[Node, Any],
    tensors: TensorReader,
    placeholders: Iterable[Node],
    visible: int | None,
) -> set[int]:
    """Storages that several results are in, where these could be made apart from each other: views
    of a value that is held in parts, and any that the caller sees (the first `visible` ones)."""
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
        if isinstance(values[viewed(node)], Encoded):
            found.setdefault(storage, set()).add(node)
        elif (visible is None or position < visible) and storage not in arguments:
            what = values[node], tensors.info(node.meta["val"])
            found.setdefault(storage, set()).add(what)
    return {storage for storage, views in found.items() if len(views) > 1}


def view_of(node: Node) -> Node | None:
    """What a node is a view of, by its operator alone."""
    source = node.args[0] if node.args else None
    is_view = isinstance(node.target, torch._ops.OpOverload) and node.target.is_view
    single = isinstance(node.meta.get("val"), torch.Tensor)
    return source if is_view and single and isinstance(source, Node) else None


def viewed(node: Node) -> Node:
    """What a node is a view of a view of..."""
    while (source := view_of(node)) is not None:
        node = source
    return node
