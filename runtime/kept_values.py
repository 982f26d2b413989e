"""Values made of weights and kept from call to call: weights in panels, casts of weights.

A `KeptValue` is made when the weights are first seen, and again when one has changed: when it is
another tensor, lies elsewhere, or its version counter, which every change in place increments, has
moved on. The storage is held as long, so that no other can take its address. Some things change
tensors and do not increment the counter:

- fused optimizers (`torch.optim.AdamW(fused=True)`): a hook after their steps, for the whole
  process, has everything made anew;
- other processes, where memory is shared: what is made of such tensors is made at each call;
- writes through `tensor.data` or by NumPy: nothing can be done about these; the option
  `packed_weights` says so.

Tensors made in inference mode have no version counter: what is made of them is made at each call.
Graphs that make the same of the same tensors share it, and it lives as long as one of them does.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from fxlower.runtime.launcher import launcher, unchanged_function
from fxlower.runtime.memory import empty_strided
from fxlower.runtime.plan import KeepStep

Version = tuple[int, ...]
"""Steps of fused optimizers so far, then address and version counter of each weight."""


class Copy:
    """What was made of some weights, with their version then."""

    __slots__ = ("__weakref__", "sources", "state", "storages")

    def __init__(self, sources: Sequence[torch.Tensor]) -> None:
        self.sources = tuple(weakref.ref(s) for s in sources)
        self.state: tuple[Version, torch.Tensor] | None = None
        """One object, so that another thread sees a version and its value together."""
        self.storages: tuple[torch.UntypedStorage, ...] = ()

    def is_of(self, sources: Sequence[torch.Tensor]) -> bool:
        return all(known() is source for known, source in zip(self.sources, sources))


_COPIES: weakref.WeakValueDictionary[tuple[Any, ...], Copy] = weakref.WeakValueDictionary()
_FUSED_STEPS = array("q", [0])
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


class KeptValue:
    """One value of one graph. `checked`: whether changes of the weights are looked for."""

    def __init__(self, step: KeepStep, kernels: Mapping[str, int], checked: bool) -> None:
        self.step = step
        self.checked = checked
        self.copy: Copy | None = None
        self.functions = [
            ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(c.operands) + len(c.results)))(
                kernels[c.kernel]
            )
            for c in step.calls
        ]
        if checked:
            _hook_optimizers()

    def get(self, values: Mapping[int, Any]) -> torch.Tensor:
        """The value, where `values` are those of the call. With weights that are as they were, this
        costs a fraction of a microsecond."""
        weights = [values[root] for root in self.step.roots]
        copy = self.copy
        if copy is None or not copy.is_of(weights):
            copy = self.copy = self._shared(weights)
        state = copy.state
        if state is not None and not self.checked:
            return state[1]
        version = [_FUSED_STEPS[0]]
        try:
            for weight in weights:
                version += weight.data_ptr(), weight._version
        except RuntimeError:  # inference tensors do not track versions
            version.clear()
        found = tuple(version)
        if state is not None and found and state[0] == found:
            return state[1]
        value = self._made(weights)
        if not self.checked or (found and not any(w.is_shared() for w in weights)):
            copy.state = (found, value)
            copy.storages = tuple(w.untyped_storage() for w in weights)
        return value

    def _shared(self, weights: Sequence[torch.Tensor]) -> Copy:
        key = (*map(id, weights), self.step.calls, self.step.slot)
        found = _COPIES.get(key)
        if found is None or not found.is_of(weights):
            found = _COPIES[key] = Copy(weights)
        return found

    def _made(self, weights: Sequence[torch.Tensor]) -> torch.Tensor:
        slots = list(weights)
        for call, function in zip(self.step.calls, self.functions, strict=True):
            made = [empty_strided(r.sizes, r.strides, r.dtype) for r in call.results]
            operands = [slots[slot].data_ptr() + offset for slot, offset in call.operands]
            function(*operands, *[m.data_ptr() for m in made])
            slots += made
        return slots[self.step.slot]


class KeptValues:
    """All values that a graph keeps. A call reads `tensors` where `unchanged(*weights)` says so,
    and else takes what `refresh(*weights)` returns; the weights are the values' roots, each once,
    in order of appearance."""

    def __init__(self, values: Sequence[KeptValue]) -> None:
        self.values = tuple(values)
        self.roots = tuple(dict.fromkeys(root for v in values for root in v.step.roots))
        self.tensors: tuple[torch.Tensor, ...] = ()
        self.unchanged: Callable[..., bool] = never

    def refresh(self, *weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Look at every weight, and make again what is no longer right."""
        by_root = dict(zip(self.roots, weights, strict=True))
        tensors = tuple(value.get(by_root) for value in self.values)
        known = self._versions(by_root)
        native = launcher()
        self.unchanged = never  # before the tensors: another thread asks in this order
        self.tensors = tensors
        if known is not None and native is not None:
            self.unchanged = unchanged_function(native, weights, known, _FUSED_STEPS)
        return tensors

    def _versions(self, weights: Mapping[int, torch.Tensor]) -> list[int | None] | None:
        """The version that each weight had when values were made of it, None for one that is not
        asked; None if some value is not kept."""
        found: dict[int, int | None] = {}
        for value in self.values:
            state = None if value.copy is None else value.copy.state
            if state is None:
                return None
            for i, root in enumerate(value.step.roots):
                if value.checked:
                    version = state[0][2 + 2 * i] if state[0] else None
                    if version is None or found.get(root, version) != version:
                        return None
                    found[root] = version
                else:
                    found[root] = None
        return [found[root] for root in self.roots]


def never(*weights: torch.Tensor) -> bool:
    """No values are known to be right."""
    return False
