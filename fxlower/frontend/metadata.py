"""Fake values of nodes that PyTorch leaves without."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch._guards import detect_fake_mode
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg


def complete_values(gm: GraphModule) -> None:
    """Give `meta["val"]` to calls without it: those that AOTAutograd's partitioner makes of random
    operators under activation checkpointing, which save the state of the generator in the forward
    graph (`run_and_save_rng_state`) and restore it in the backward graph (`run_with_rng_state`)."""
    missing = [
        n
        for n in gm.graph.nodes
        if n.op == "call_function"
        and "val" not in n.meta
        and isinstance(n.target, torch._ops.HigherOrderOperator)
        and n.target.name() in ("run_and_save_rng_state", "run_with_rng_state")
    ]
    if not missing:
        return
    placeholders = [n.meta.get("val") for n in gm.graph.nodes if n.op == "placeholder"]
    mode = detect_fake_mode(placeholders)
    assert mode is not None, "expected a graph with fake tensors"
    for node in missing:
        saves = node.target.name() == "run_and_save_rng_state"
        operator_, *args = node.args[0 if saves else 1 :]
        values, keywords = map_arg((tuple(args), dict(node.kwargs)), lambda n: n.meta["val"])
        with mode:
            made = operator_(*values, **keywords)
        node.meta["val"] = (_state(node), made) if saves else made


def _state(node: Node) -> Any:
    """The generator's state, which the partitioner does describe where it is taken out."""
    for user in node.users:
        if user.target is operator.getitem and user.args[1] == 0:
            return user.meta["val"]
    return None
