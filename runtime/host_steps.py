"""What the program of a graph calls: operators' results as they were traced, and copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from fxlower.analysis.layout import is_dense
from fxlower.frontend.program import FallbackCall
from fxlower.runtime.memory import reinterpreted
from fxlower.runtime.plan import AtenStep


def as_traced(
    step: AtenStep,
    result: int,
    tensor: Any,
    sizes: tuple[int, ...] | None,
    strides: tuple[int, ...],
) -> Any:
    """A result of an operator as the graph was compiled for it: kernels would read outside of
    another. None for `sizes` stands for what is no strided tensor.

    Fake implementations of some of torch's own operators are wrong about the dtype
    (`_batch_norm_with_update` on bf16); later steps were told the one that they give.

    Raises:
        RuntimeError: it is not what the operator's fake implementation said.
    """
    if tensor is not None and sizes is not None:
        dtype = step.dtypes[result]
        is_other = dtype not in (None, tensor.dtype)
        is_own = getattr(step.call.target, "namespace", "") == "aten"
        if tensor.shape != sizes or (is_other and not is_own):
            found = f"a tensor of {list(tensor.shape)} {tensor.dtype}"
            raise unlike_traced(step.call, found, f"one of {list(sizes)} {dtype}")
        if is_other:
            tensor = tensor.to(dtype)
    return with_strides(resolved(tensor), strides)


def expect_number(step: AtenStep, found: Any, expected: int) -> None:
    """Refuse another number than the user's checks say."""
    if int(found) != expected:
        raise unlike_traced(step.call, f"{found}", f"{expected}")


def number_of(value: Any) -> int | float:
    """A number that an operator gave, as the value of a symbol."""
    return value if isinstance(value, float) else int(value)


def unlike_traced(call: FallbackCall, found: str, expected: str) -> RuntimeError:
    return RuntimeError(
        f"{call.target} at {call.source} gave {found}, expected {expected}: what the graph checks "
        "of it, or what its fake implementation says, does not hold"
    )


def with_strides(tensor: torch.Tensor | None, strides: tuple[int, ...]) -> torch.Tensor | None:
    """`tensor`, copied if its strides are not `strides` (those of dims of size 1 do not matter).

    None stands for the token of an operator with side effects, which is a tensor only in tracing.
    """
    if tensor is None or tensor.layout is not torch.strided or tensor.device.type != "cpu":
        return tensor
    if tensor.stride() == strides:
        return tensor
    if all(
        n <= 1 or a == b for n, a, b in zip(tensor.shape, tensor.stride(), strides, strict=True)
    ):
        return tensor
    copy = torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device=tensor.device)
    return copy.copy_(tensor)


def with_exact_strides(
    tensor: torch.Tensor | None, strides: tuple[int, ...]
) -> torch.Tensor | None:
    """As `with_strides`, with those of dims of size 1 too: an operator may look at them."""
    made = with_strides(tensor, strides)
    if made is None or made.layout is not torch.strided or made.stride() == strides:
        return made
    return reinterpreted(made, made.shape, strides, 0)


def resolved(result: torch.Tensor | None) -> torch.Tensor | None:
    """`result` with its value in memory, where torch's negative bit would say to negate that."""
    return result.resolve_neg() if result is not None and result.is_neg() else result


def copied(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of its own with the elements and the strides: what is compiled to read it, such as
    a backward graph, has them. (`clone` keeps them only where memory has no gaps.)"""
    if is_dense(tuple(tensor.shape), tensor.stride()):
        return tensor.clone(memory_format=torch.preserve_format)
    (copy,) = copied_together([tensor])
    return copy


def copied_together(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Copies of views of one storage that are views of one storage in the same way."""
    dtype = tensors[0].dtype
    if any(t.dtype is not dtype or t.numel() == 0 for t in tensors):
        return [copied(t) for t in tensors]
    first = min(t.storage_offset() for t in tensors)
    end = 1 + max(
        t.storage_offset() + sum((n - 1) * s for n, s in zip(t.shape, t.stride())) for t in tensors
    )
    copy = tensors[0].as_strided((end - first,), (1,), first).clone()
    return [copy.as_strided(t.shape, t.stride(), t.storage_offset() - first) for t in tensors]
