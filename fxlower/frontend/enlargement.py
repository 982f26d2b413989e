"""Enlargement by repeating pixels: how nearest-neighbour upsampling is traced.

PyTorch makes indices of it before it differentiates, so that the gradient scatters to each pixel as
often as it is repeated. Traced under `repeating_enlargement`, sizes that grow by powers of two are

    x.expand over an axis for each repetition, reshaped

which fuses with what is around it, and whose gradient is a sum over these axes. Other factors stay
indices: eager mode multiplies by their reciprocals, which are not exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn.functional import interpolate

from fxlower.frontend.replacement import Replacing


@contextmanager
def repeating_enlargement() -> Iterator[None]:
    """Graphs traced in this context repeat pixels by views."""
    with Replacing(_enlarged):
        yield


def _enlarged(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    if func is not interpolate or (factors := _factors(*args, **kwargs)) is None:
        return NotImplemented
    return _repeated(args[0] if args else kwargs["input"], factors)


def _factors(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> list[int] | None:
    """How often `interpolate` repeats each of the last axes; None if it does something else, if
    that is not by powers of two, or if the result is not laid out row by row."""
    rank = input.dim() - 2
    if mode not in ("nearest", "nearest-exact") or align_corners is not None or antialias:
        return None
    if (
        rank not in (1, 2, 3)
        or not input.is_contiguous()
        or (size is None) == (scale_factor is None)
    ):
        return None
    given = scale_factor if size is None else size
    given = list(given) if isinstance(given, Sequence) else [given] * rank
    if len(given) != rank or not all(isinstance(value, (int, float)) for value in given):
        return None
    if size is None:
        factors = [int(value) if value == int(value) else 0 for value in given]
    else:
        old = input.shape[2:]
        if recompute_scale_factor or not all(isinstance(n, int) and n > 0 for n in old):
            return None
        factors = [new // n if new % n == 0 else 0 for new, n in zip(given, old)]
    return factors if all(f > 0 and f & (f - 1) == 0 for f in factors) else None


def _repeated(x: Tensor, factors: Sequence[int]) -> Tensor:
    spread = list(x.shape[:2])
    result = list(x.shape[:2])
    for axis, factor in enumerate(factors):
        size = x.shape[2 + 2 * axis]
        x = x.unsqueeze(3 + 2 * axis)
        spread += [size, factor]
        result.append(size * factor)
    return x.expand(spread).reshape(result)
