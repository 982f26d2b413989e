"""Where nodes of a graph come from: the user's lines and modules."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch.fx import Node

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')
_ROOT = re.compile(r"^L\['\w+'\]\.?")
_NOT_THE_USERS = (
    str(Path(torch.__file__).parent),
    str(Path(__file__).parents[1] / "explanation.py"),
)


def source_of(node: Node) -> str:
    """The user's line that a node comes from: the innermost frame outside torch."""
    return _line_of(node) or "an unknown line"


def place_of(node: Node) -> str:
    """The user's line and the innermost module, as far as they are known: a line that calls a
    model says little of its layers."""
    return ", ".join(filter(None, (_line_of(node), _module_of(node))))


def _line_of(node: Node) -> str:
    frames = list(_FRAME.finditer(node.stack_trace or ""))
    for frame in reversed(frames):
        if not frame["file"].startswith(_NOT_THE_USERS):
            return f"{Path(frame['file']).name}:{frame['line']} in {frame['function']}"
    return ""


def _module_of(node: Node) -> str:
    """`layers.0.mlp (Linear)`; of a node of a backward graph the forward's."""
    stack = node.meta.get("nn_module_stack") or node.meta.get("fwd_nn_module_stack")
    if not stack:
        return ""
    path, kind = list(stack.values())[-1]
    name = kind.__name__ if isinstance(kind, type) else str(kind).rsplit(".", 1)[-1]
    found = _ROOT.sub("", path)
    return f"{found} ({name})" if found else name
