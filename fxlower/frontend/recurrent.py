"""LSTM as steps of products and gates: how `torch.lstm` is traced where it is to be compiled.

PyTorch traces RNNs and GRUs step by step, but hands an LSTM on the CPU to oneDNN as one opaque
call for each layer, `mkldnn_rnn_layer`. Of that call's four results one is no tensor in truth, so
that a graph which saves them for gradients cannot run. Traced under `stepwise_lstm`, an LSTM is
unrolled where gradients are wanted or its steps are few; where they are many, or where their number
is symbolic, the one call stays: code and compile time grow with each step (0.05 s of it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from fxlower.frontend.replacement import Replacing

MAX_STEPS = 64
"""Steps, of all layers and both directions, that inference is unrolled to at most."""


@contextmanager
def stepwise_lstm() -> Iterator[None]:
    """Graphs traced in this context have LSTMs step by step."""
    with Replacing(_unrolled):
        yield


def _unrolled(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    if func is not torch.lstm or not _unrolls(*args, **kwargs):
        return NotImplemented
    with _without_mkldnn():
        return func(*args, **kwargs)


@contextmanager
def _without_mkldnn() -> Iterator[None]:
    """PyTorch's decomposition of LSTMs asks for this switch when it is traced."""
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


def _unrolls(input: Tensor, *args: Any, **kwargs: Any) -> bool:
    if len(args) != 8 or kwargs or not isinstance(args[0], Sequence):
        return False  # packed sequences, which PyTorch traces step by step itself
    _, params, _, num_layers, _, _, bidirectional, batch_first = args
    if torch.is_grad_enabled() and any(
        isinstance(t, Tensor) and t.requires_grad for t in tree_leaves((input, *args[:2]))
    ):
        return True
    steps = input.shape[1 if batch_first and input.dim() == 3 else 0]
    layers = num_layers * (2 if bidirectional else 1)
    return isinstance(steps, int) and steps * layers <= MAX_STEPS
