"""What a call of an operator gives, and whether two calls give the same.

Eager mode is the reference, and float64 the judge of rounding: a number is right if it is as near
to eager's as `torch.testing` asks, or if it is no further from what eager mode computes in float64
than a small multiple of eager's own error.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.testing._comparison import default_tolerances
from torch.utils import _pytree as pytree

from fxlower.tools.opinfo.samples import Sample

WIDE = {
    torch.float32: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float16: torch.float64,
    torch.complex64: torch.complex128,
    torch.complex32: torch.complex128,
}

ALLOWED = 4.0
"""Times eager's own error."""

ROUNDINGS = 8
"""Roundings of the largest number of a result that are nobody's fault."""


@dataclass
class Outcome:
    leaves: list[Any]
    """Of the result."""

    structure: Any
    inputs: list[Tensor]
    """The tensors among the arguments, after the call."""

    gradients: list[Tensor | None]
    cotangents: list[Tensor]
    aliases: list[tuple[int, ...]]
    """The arguments that each tensor of the result shares memory with."""

    random_state: Tensor


def copied(value: Any) -> Any:
    """A leaf with the same values, sizes and strides, in memory of its own."""
    if not isinstance(value, Tensor):
        return value
    base = value.detach()
    needs_gradient = value.requires_grad
    if base.layout is not torch.strided or base.is_conj() or base.is_neg():
        return base.clone().requires_grad_(needs_gradient)
    storage = torch.empty(base.untyped_storage().nbytes() // base.element_size(), dtype=base.dtype)
    with torch.no_grad():
        storage.copy_(base.as_strided(storage.shape, (1,), 0))
        made = storage.as_strided(base.shape, base.stride(), base.storage_offset())
    return made.detach().requires_grad_(needs_gradient)


def widened(value: Any) -> Any:
    """A leaf in the type that judges roundings."""
    if isinstance(value, torch.dtype):
        return WIDE.get(value, value)
    if not isinstance(value, Tensor) or value.dtype not in WIDE:
        return copied(value)
    wide = value.detach().to(WIDE[value.dtype])
    return wide.requires_grad_(value.requires_grad)


def run(
    function: Callable[..., Any],
    sample: Sample,
    prepare: Callable[[Any], Any] = copied,
    cotangents: list[Tensor] | None = None,
) -> Outcome:
    """Call `function` on copies of the sample's arguments, from the same random state always, and
    differentiate where arguments want gradients."""
    args, kwargs = pytree.tree_map(prepare, (sample.args, sample.kwargs))
    tensors = [t for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
    wanted = [t for t in tensors if t.requires_grad]
    random.seed(0)
    torch.manual_seed(0)
    result = function(*args, **kwargs)
    state = torch.get_rng_state()
    leaves, structure = pytree.tree_flatten(result)
    aliases = [_shared(t, tensors) for t in leaves if isinstance(t, Tensor)]
    gradients: list[Tensor | None] = []
    used: list[Tensor] = []
    if wanted:
        processed = pytree.tree_leaves(sample.process(result))
        roots = [t for t in processed if isinstance(t, Tensor) and t.requires_grad]
        if roots:
            used = _cotangents(roots) if cotangents is None else _cast(cotangents, roots)
            gradients = list(torch.autograd.grad(roots, wanted, used, allow_unused=True))
    kept = [t.detach() if isinstance(t, Tensor) else t for t in leaves]
    return Outcome(kept, structure, tensors, gradients, used, aliases, state)


def _cotangents(roots: list[Tensor]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    wide = [torch.complex128 if r.is_complex() else torch.float64 for r in roots]
    return [
        torch.randn(r.shape, generator=generator, dtype=w).to(r.dtype) for r, w in zip(roots, wide)
    ]


def _cast(cotangents: list[Tensor], roots: list[Tensor]) -> list[Tensor]:
    return [c.to(r.dtype) for c, r in zip(cotangents, roots)]


def _shared(tensor: Tensor, others: list[Tensor]) -> tuple[int, ...]:
    if tensor.layout is not torch.strided or not tensor.numel():
        return ()
    memory = tensor.untyped_storage().data_ptr()
    return tuple(
        i
        for i, o in enumerate(others)
        if o.layout is torch.strided and o.untyped_storage().data_ptr() == memory
    )


@dataclass
class Comparison:
    """Compares outcomes with eager's. `exact` computes eager's in float64, where needed."""

    eager: Outcome
    exact: Callable[[], Outcome]
    tolerances: dict[torch.dtype, tuple[float, float]]
    values: bool = True
    """False for operators whose results are uninitialised."""

    def difference(self, found: Outcome) -> str:
        """The first one, empty if there is none."""
        eager = self.eager
        if found.structure != eager.structure:
            return f"structure: {found.structure}, eager has {eager.structure}"
        pairs = list(zip(found.leaves, eager.leaves))
        for i, (f, e) in enumerate(pairs):
            what = f"result {i}"
            if problem := self._leaf(what, f, e, lambda o, i=i: o.leaves[i]):
                return problem
        for i, (f, e) in enumerate(zip(found.inputs, eager.inputs)):
            if problem := self._leaf(f"argument {i} afterwards", f, e, lambda o, i=i: o.inputs[i]):
                return problem
        for i, (f, e) in enumerate(zip(found.gradients, eager.gradients)):
            what = f"gradient {i}"
            if f is None or e is None:
                if (f is None) != (e is None) and _magnitude(f) + _magnitude(e) > 0:
                    return f"{what}: {f}, eager has {e}"
                continue
            if problem := self._leaf(what, f, e, lambda o, i=i: o.gradients[i], strides=False):
                return problem
        if found.aliases != eager.aliases:
            return f"aliases: {found.aliases}, eager has {eager.aliases}"
        if not torch.equal(found.random_state, eager.random_state):
            return "random state afterwards differs"
        return ""

    def _leaf(
        self,
        what: str,
        found: Any,
        eager: Any,
        exact: Callable[[Outcome], Any],
        strides: bool = True,
    ) -> str:
        if not isinstance(eager, Tensor):
            return "" if _equal(found, eager) else f"{what}: {found!r}, eager has {eager!r}"
        if not isinstance(found, Tensor):
            return f"{what}: {type(found)}, eager has a tensor"
        if found.dtype != eager.dtype or found.shape != eager.shape:
            return (
                f"{what}: {found.dtype} {list(found.shape)}, eager has "
                f"{eager.dtype} {list(eager.shape)}"
            )
        if found.layout != eager.layout:
            return f"{what}: {found.layout}, eager has {eager.layout}"
        if eager.layout is torch.strided and strides and _steps(found) != _steps(eager):
            return f"{what}: strides {found.stride()}, eager has {eager.stride()}"
        if not self.values:
            return ""
        return self._values(what, _plain(found), _plain(eager), exact)

    def _values(
        self, what: str, found: Tensor, eager: Tensor, exact: Callable[[Outcome], Any]
    ) -> str:
        rtol, atol = self.tolerances.get(found.dtype, default_tolerances(found.dtype))
        close = torch.isclose(found, eager, rtol, atol, equal_nan=True)
        if close.all():
            return ""
        worst = _first(found, eager, ~close)
        if not found.dtype.is_floating_point and not found.dtype.is_complex:
            return f"{what}: {worst}"
        try:
            judge = exact(self.exact())
        except Exception as error:  # not in float64: the reference alone decides
            return f"{what}: {worst}; no float64 ({type(error).__name__})"
        if not isinstance(judge, Tensor) or judge.shape != eager.shape:
            return f"{what}: {worst}; float64 has no such result"
        judge = _plain(judge)
        finite = eager.isfinite() & judge.isfinite()
        rounded = judge.to(found.dtype)
        same = torch.isclose(found, rounded, rtol, atol, equal_nan=True) | close
        if not same[~finite].all():
            return f"{what}: {_first(found, eager, ~same & ~finite)}"
        f, e, x = (t[finite].to(WIDE.get(t.dtype, t.dtype)) for t in (found, eager, judge))
        if not f.numel():
            return ""
        rounding = ROUNDINGS * torch.finfo(found.dtype).eps * float(x.abs().max())
        allowed = ALLOWED * float((e - x).abs().max()) + rounding
        error = float((f - x).abs().max())
        return "" if error <= allowed else f"{what}: error {error:.2e} > {allowed:.2e}; {worst}"


def _first(found: Tensor, eager: Tensor, where: Tensor) -> str:
    at = [int(i) for i in where.nonzero()[0]]
    count = int(where.sum())
    f, e = found[tuple(at)].item(), eager[tuple(at)].item()
    return f"{count} of {where.numel()} differ, first at {at}: {f!r}, eager has {e!r}"


def _magnitude(gradient: Tensor | None) -> float:
    if gradient is None or not gradient.numel():
        return 0.0
    return float(_plain(gradient).abs().sum())


def _plain(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    return tensor.resolve_conj().resolve_neg()


def _steps(tensor: Tensor) -> list[int]:
    """The strides that matter."""
    if not tensor.numel():
        return []
    return [step for size, step in zip(tensor.shape, tensor.stride()) if size > 1]


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b) or abs(a - b) <= 1e-5 * max(abs(a), abs(b))
    return type(a) is type(b) and a == b
