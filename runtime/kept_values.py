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
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from fxlower.runtime.launcher import ANY, launcher, unchanged_function
from fxlower.runtime.memory import empty_strided
from fxlower.runtime.plan import KeepStep

Version = tuple[int, ...]
"""Steps of fused optimizers so far, then address and version counter of each weight."""


@dataclass(frozen=True, eq=False)
class Made:
    """A value, and what it was made of: one object, so that another thread sees all together."""

    value: torch.Tensor
    version: Version
    """Empty where changes are not looked for."""
    storages: tuple[torch.UntypedStorage, ...]
    """Of the weights: while they are held, no other tensor comes to lie there."""


class Copy:
    """What was made of some weights."""

    __slots__ = ("__weakref__", "made", "sources")

    def __init__(self, sources: Sequence[torch.Tensor]) -> None:
        self.sources = tuple(weakref.ref(s) for s in sources)
        self.made: Made | None = None

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

    def get(self, values: Mapping[int, Any]) -> tuple[torch.Tensor, Made | None]:
        """The value, where `values` are those of the call, and what is known of it if it is kept.
        With weights that are as they were, this costs a fraction of a microsecond."""
        weights = [values[root] for root in self.step.roots]
        copy = self.copy
        if copy is None or not copy.is_of(weights):
            copy = self.copy = self._shared(weights)
        made = copy.made
        if made is not None and not self.checked:
            return made.value, made
        version = [_FUSED_STEPS[0]]
        try:
            for weight in weights:
                version += weight.data_ptr(), weight._version
        except RuntimeError:  # inference tensors do not track versions
            version.clear()
        found = tuple(version)
        if made is not None and found and made.version == found:
            return made.value, made
        value = self._made(weights)
        if self.checked and (not found or any(w.is_shared() for w in weights)):
            return value, None
        storages = tuple(w.untyped_storage() for w in weights)
        copy.made = Made(value, found if self.checked else (), storages)
        return value, copy.made

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


State = tuple[Callable[..., bool], tuple[torch.Tensor, ...], object]


class KeptValues:
    """All values that a graph keeps. A call looks at `state`, `(unchanged, tensors, ...)`, once:
    the tensors are right where `unchanged(*weights)` is true, and else `refresh(*weights)` gives
    others; the weights are the values' roots, each once, in order of appearance. Other threads may
    call the graph with other weights."""

    def __init__(self, values: Sequence[KeptValue]) -> None:
        self.values = tuple(values)
        self.roots = tuple(dict.fromkeys(root for v in values for root in v.step.roots))
        self.state: State = (never, (), None)

    def refresh(self, *weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Look at every weight, and make again what is no longer right."""
        by_root = dict(zip(self.roots, weights, strict=True))
        found = [value.get(by_root) for value in self.values]
        tensors = tuple(value for value, _ in found)
        kept = [made for _, made in found if made is not None]
        native = launcher()
        if native is not None and len(kept) == len(found):
            known = self._versions(kept)
            if known is not None:
                unchanged = unchanged_function(native, weights, *known, _FUSED_STEPS)
                self.state = (unchanged, tensors, kept)
        return tensors

    def _versions(self, kept: Sequence[Made]) -> tuple[list[tuple[int, int]], int] | None:
        """Address and version of each weight when all values were made of it, versions -1 where
        they are not asked for, and the steps of fused optimizers by then; None if values were made
        at different times."""
        found: dict[int, tuple[int, int]] = {}
        steps: set[int] = set()
        for value, made in zip(self.values, kept, strict=True):
            for i, root in enumerate(value.step.roots):
                if made.version:
                    seen = made.version[1 + 2 * i], made.version[2 + 2 * i]
                    steps.add(made.version[0])
                else:
                    seen = ANY, ANY
                if found.setdefault(root, seen) != seen:
                    return None
        if len(steps) > 1:
            return None
        return [found[root] for root in self.roots], steps.pop() if steps else ANY


def never(*weights: torch.Tensor) -> bool:
    """No values are known to be right."""
    return False
