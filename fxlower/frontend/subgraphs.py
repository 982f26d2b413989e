"""Graphs that are arguments of higher-order operators: which are inlined, which compiled apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.fx import GraphModule, Node

_CONTROL_FLOW = {"cond", "while_loop", "scan", "map_impl"}
"""Operators that call their graphs with tensors of the types that these were traced with. Those of
others are called under `vmap` (`flex_attention`) or with parts of any size (`associative_scan`)."""


def is_control_flow(node: Node, held: Any) -> bool:
    """Whether `node` is a graph, `held`, that only control flow calls."""
    return isinstance(held, GraphModule) and all(
        isinstance(user.target, torch._ops.HigherOrderOperator)
        and user.target.name() in _CONTROL_FLOW
        for user in node.users
    )


def is_inlined(node: Node, values: Mapping[Node, Any]) -> bool:
    """Whether `node` calls a graph that may stand in its place: a functional one that brings no
    tensors and no sizes of its own."""
    if node.target is not torch.ops.higher_order.invoke_subgraph:
        return False
    subgraph = values.get(node.args[0])  # type: ignore[arg-type]
    if not isinstance(subgraph, GraphModule):
        return False
    return all(_is_plain(inner) for inner in subgraph.graph.nodes)


def _is_plain(node: Node) -> bool:
    if node.op != "call_function":
        return node.op == "output" or node.op == "placeholder" and "val" in node.meta
    schema = getattr(node.target, "_schema", None)
    return (
        not node.meta.get("unbacked_bindings")
        and not (schema is not None and schema.is_mutable)
        and not isinstance(node.target, torch._ops.HigherOrderOperator)
    )
