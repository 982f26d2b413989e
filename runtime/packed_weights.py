"""Weights in the layout that products want, kept from call to call.

A `PackedWeight` packs a tensor when it first sees it, and again when that has changed: when it is
another tensor, lies elsewhere, or its version counter, which every change in place increments, has
moved on. Two things change tensors and do not increment it:

- fused optimizers (`torch.optim.AdamW(fused=True)`): a hook after their steps, for the whole
  process, has everything packed anew;
- writes through `tensor.data` or to memory shared with NumPy: nothing can be done about these; the
  option `packed_weights` says so.

Tensors made in inference mode have no version counter, and are packed at each call. Graphs that
pack the same tensor in the same way share the result, which lives as long as one of them does.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from fxlower.runtime.memory import empty_strided
from fxlower.runtime.plan import PackStep

PACK_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
"""A kernel of one argument and one result, as pointers to their first elements."""

Version = tuple[int, int, int]
"""Address, version counter, and how many steps of fused optimizers there were."""


class Copy:
    """The packed copy of one tensor by one kernel, with what it was made from."""

    __slots__ = ("__weakref__", "source", "state")

    def __init__(self, source: torch.Tensor) -> None:
        self.source = weakref.ref(source)
        self.state: tuple[Version, torch.Tensor] | None = None
        """One object, so that another thread sees a version and its panels together."""


_COPIES: weakref.WeakValueDictionary[tuple[int, str], Copy] = weakref.WeakValueDictionary()
_FUSED_STEPS = [0]
_HOOK = threading.Lock()
_hooked = False


def _after_step(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    if any(group.get("fused") for group in optimizer.param_groups):
        _FUSED_STEPS[0] += 1


def _hook_optimizers() -> None:
    global _hooked
    with _HOOK:
        if not _hooked:
            register_optimizer_step_post_hook(_after_step)
            _hooked = True


class PackedWeight:
    """One weight of one graph. `checked`: whether changes are looked for."""

    def __init__(self, step: PackStep, function: Any, checked: bool) -> None:
        self.step = step
        self.function = function
        self.checked = checked
        self.strides = torch.empty(step.sizes, device="meta").stride()
        self.copy: Copy | None = None
        if checked:
            _hook_optimizers()

    def panels(self, weight: torch.Tensor) -> torch.Tensor:
        """The packed `weight`, a tensor of the sizes of the step.

        With a weight that is as it was, this costs a fraction of a microsecond.
        """
        copy = self.copy
        if copy is None or copy.source() is not weight:
            copy = self.copy = self._shared(weight)
        state = copy.state
        if state is not None and not self.checked:
            return state[1]
        try:
            version = (weight.data_ptr(), weight._version, _FUSED_STEPS[0])
        except RuntimeError:  # inference tensors do not track versions
            return self._packed(weight)
        if state is not None and state[0] == version:
            return state[1]
        panels = self._packed(weight)
        copy.state = (version, panels)
        return panels

    def _shared(self, weight: torch.Tensor) -> Copy:
        key = (id(weight), self.step.kernel)
        found = _COPIES.get(key)
        if found is None or found.source() is not weight:
            found = _COPIES[key] = Copy(weight)
        return found

    def _packed(self, weight: torch.Tensor) -> torch.Tensor:
        step = self.step
        panels = empty_strided(step.sizes, self.strides, step.dtype)
        self.function(weight.data_ptr() + step.offset, panels.data_ptr())
        return panels


def packed_weights(
    steps: Sequence[PackStep], kernels: Mapping[str, int], checked: bool
) -> tuple[PackedWeight, ...]:
    """One for each step; `kernels` are the addresses of kernels by name."""
    return tuple(PackedWeight(s, PACK_TYPE(kernels[s.kernel]), checked) for s in steps)
