"""Operators that run in eager mode on purpose, and why: a rule for one of them would gain nothing,
or would not be right. Those that merely lack a rule are not here."""

from __future__ import annotations

from typing import Any

import torch

aten = torch.ops.aten

_GENERATOR = "draws from PyTorch's generator, whose numbers must be those of eager mode"
_FFT = "a transform of PyTorch's own library; on complex numbers"
_SIZES = "how many elements its result has depends on data"

EAGER_ON_PURPOSE: dict[Any, str] = {
    aten._fft_c2c.default: _FFT,
    aten._fft_c2r.default: _FFT,
    aten._fft_r2c.default: _FFT,
    aten._local_scalar_dense.default: "a number for Python, read where the graph needs it",
    aten.bernoulli.default: _GENERATOR,
    aten._unique2.default: _SIZES,
    aten.bernoulli.p: _GENERATOR,
    aten.bincount.default: _SIZES,
    aten.masked_select.default: _SIZES,
    aten.multinomial.default: _GENERATOR,
    aten.native_dropout.default: _GENERATOR,
    aten.mkldnn_rnn_layer.default: "an LSTM of many steps, which would be that many times the code",
    aten.nonzero.default: _SIZES,
    aten.rand.default: _GENERATOR,
    aten.randint.low: _GENERATOR,
    aten.randn.default: _GENERATOR,
    aten.randperm.default: _GENERATOR,
    aten.repeat_interleave.Tensor: _SIZES,
    aten.resize_.default: "changes the memory of its argument; a graph that has it is not traced",
    aten.unique_consecutive.default: _SIZES,
    aten.unique_dim.default: _SIZES,
}
"""Reasons by operator overload."""
