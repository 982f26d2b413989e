"""Inputs for an entry of the database: a few of its own that differ, and some that it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.testing import make_tensor
from torch.testing._internal.common_dtype import floating_types_and
from torch.testing._internal.opinfo.core import (
    BinaryUfuncInfo,
    OpInfo,
    ReductionOpInfo,
    SampleInput,
    UnaryUfuncInfo,
)
from torch.utils import _pytree as pytree

CHECKS = ("forward", "backward", "strided", "large", "special", "dynamic", "inplace")
"""What is checked of an entry; each has inputs of its own."""

LONGEST = 400
"""Inputs looked at when choosing; few entries have more."""

FLOATS = floating_types_and(torch.bfloat16, torch.float16)


@dataclass
class Sample:
    """A call of the operator. `later` is a second one for which nothing may be compiled wrongly:
    of other sizes."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    process: Callable[[Any], Any] = lambda result: result
    """What OpInfo wants done to a result before it is differentiated."""

    later: Sample | None = None

    @classmethod
    def of(cls, name: str, sample: SampleInput) -> Sample:
        return cls(
            name,
            (sample.input, *sample.args),
            dict(sample.kwargs),
            sample.output_process_fn_grad,
        )


def entry_name(op: OpInfo) -> str:
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


def samples_of(op: OpInfo, dtype: torch.dtype, check: str, count: int | None) -> list[Sample]:
    """The inputs of one check; `count` of OpInfo's own, or all of them."""
    differentiable = op.supports_autograd and dtype in op.supported_backward_dtypes("cpu")
    if check == "backward" and not differentiable:
        return []
    if check == "large":
        return list(islice(_large(op, dtype), count))
    if check == "special":
        return list(_special(op, dtype))
    torch.manual_seed(0)
    made = op.sample_inputs("cpu", dtype, requires_grad=check == "backward")
    own = list(made if count is None else islice(made, LONGEST))
    if check == "backward":
        own = [s for s in own if _needs_gradients(s)]
    if check == "inplace":
        if op.inplace_variant is None:
            return []
        own = [s for s in own if not s.broadcasts_input and isinstance(s.input, Tensor)]
    if check == "dynamic":
        return list(islice(_pairs(own), None if count is None else max(1, count // 2)))
    chosen = list(enumerate(own)) if count is None else _diverse(own, count)
    if check == "strided":
        return [Sample.of(f"{i} strided", s.noncontiguous()) for i, s in chosen if _has_strides(s)]
    return [Sample.of(str(i), s) for i, s in chosen]


def _needs_gradients(sample: SampleInput) -> bool:
    return any(isinstance(t, Tensor) and t.requires_grad for t in _leaves(sample))


def _has_strides(sample: SampleInput) -> bool:
    """Whether another layout in memory can be tried: sparse tensors have none."""
    tensors = [t for t in _leaves(sample) if isinstance(t, Tensor)]
    strided = all(t.layout is torch.strided for t in tensors)
    return strided and any(t.numel() > 1 for t in tensors)


def _leaves(sample: SampleInput) -> list[Any]:
    return pytree.tree_leaves((sample.input, sample.args, sample.kwargs))


def _diverse(samples: list[SampleInput], count: int) -> list[tuple[int, SampleInput]]:
    """The samples that have most that those chosen before had not."""
    features = [_features(s) for s in samples]
    left = list(range(len(samples)))
    seen: set[Any] = set()
    chosen: list[int] = []
    while left and len(chosen) < count:
        best = max(left, key=lambda i: (len(features[i] - seen), -i))
        left.remove(best)
        chosen.append(best)
        seen |= features[best]
    return [(i, samples[i]) for i in sorted(chosen)]


def _features(sample: SampleInput) -> set[Any]:
    found: set[Any] = {("arguments", len(sample.args), *sorted(sample.kwargs))}
    places = [sample.input, *sample.args, *sample.kwargs.items()]
    for place, value in enumerate(places):
        for leaf in pytree.tree_leaves(value):
            if isinstance(leaf, Tensor):
                found.add((place, leaf.dim(), leaf.dtype, leaf.layout))
                found.add((place, "empty", leaf.numel() == 0))
                if leaf.layout is torch.strided:
                    found.add((place, "contiguous", leaf.is_contiguous()))
            elif isinstance(value, tuple) and isinstance(leaf, (bool, str, type(None))):
                found.add((place, leaf))
            else:
                found.add((place, type(leaf)))
    return found


def _kind(sample: SampleInput) -> Any:
    """What two samples share of which one may be the other with other sizes."""

    def describe(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.dim(), value.dtype, value.layout, tuple(s > 1 for s in value.shape)
        return repr(value)

    leaves, structure = pytree.tree_flatten((sample.input, sample.args, sample.kwargs))
    return tuple(map(describe, leaves)), str(structure)


def _pairs(samples: list[SampleInput]) -> Iterator[Sample]:
    """Samples of equal kinds but of different sizes, then others alone."""
    first: dict[Any, tuple[int, SampleInput]] = {}
    paired: dict[Any, Sample] = {}
    for i, sample in enumerate(samples):
        kind = _kind(sample)
        if kind not in first:
            first[kind] = i, sample
        elif kind not in paired and _shapes(sample) != _shapes(first[kind][1]):
            number, other = first[kind]
            pair = Sample.of(f"{number} then {i}", other)
            pair.later = Sample.of(str(i), sample)
            paired[kind] = pair
    yield from paired.values()
    for kind, (i, sample) in first.items():
        if kind not in paired:
            yield Sample.of(str(i), sample)


def _shapes(sample: SampleInput) -> list[Any]:
    return [t.shape for t in _leaves(sample) if isinstance(t, Tensor)]


# --------------------------------------------------------- inputs that the database lacks


def _large(op: OpInfo, dtype: torch.dtype) -> Iterator[Sample]:
    """Sizes past a vector, with tails, for operators whose inputs have any shape; strided and
    expanded ones too."""
    if isinstance(op, UnaryUfuncInfo):

        def unary(*shape: int, expand: bool = False) -> Sample:
            low, high = op.domain
            x = make_tensor(shape, device="cpu", dtype=dtype, low=low, high=high)
            x = x[:1].expand(shape) if expand else x
            kwargs = op.sample_kwargs("cpu", dtype, x)[0]
            return Sample(f"{shape}{' expanded' if expand else ''}", (x,), dict(kwargs))

        yield unary(33, 65)
        yield unary(1031)
        columns = unary(67, 2)
        yield Sample("(67) strided", (columns.args[0][:, 1],), columns.kwargs)
        yield unary(5, 33, 17, expand=True)
    elif isinstance(op, BinaryUfuncInfo):

        def binary(left: tuple[int, ...], right: tuple[int, ...]) -> Sample:
            x = make_tensor(left, device="cpu", dtype=dtype, **op.lhs_make_tensor_kwargs)
            y = make_tensor(right, device="cpu", dtype=dtype, **op.rhs_make_tensor_kwargs)
            kwargs = op.sample_kwargs("cpu", dtype, x)[0]
            return Sample(f"{left} {right}", (x, y), dict(kwargs))

        yield binary((33, 65), (65,))
        yield binary((1031,), (1031,))
        yield binary((5, 33, 17), (33, 1))
        yield binary((67, 1), (1, 19))
    elif isinstance(op, ReductionOpInfo):
        shapes = ((1031,), (33, 65), (5, 33, 17))
        for shape in shapes:
            x = make_tensor(shape, device="cpu", dtype=dtype, low=-2, high=2)
            for dims in ({}, {"dim": -1}, {"dim": 0, "keepdim": True}):
                for args, kwargs in islice(op.generate_args_kwargs(x, **dims), 1):
                    yield Sample(f"{shape} {dims}", (x, *args), {**kwargs, **dims})


DIVIDES_LEAST = {"lcm"}
"""Operators that end the process in eager mode where the least integer is divided by -1."""


def _special(op: OpInfo, dtype: torch.dtype) -> Iterator[Sample]:
    """NaN, infinities, denormals, signed zeros and the ends of the range."""
    values = special_values(dtype)
    if op.name in DIVIDES_LEAST and dtype not in FLOATS and dtype is not torch.bool:
        values = values[values != torch.iinfo(dtype).min]
    if isinstance(op, UnaryUfuncInfo):
        kwargs = op.sample_kwargs("cpu", dtype, values)[0]
        yield Sample("special", (values.repeat(5),), dict(kwargs))
    elif isinstance(op, BinaryUfuncInfo):
        count = len(values)
        left = values.repeat_interleave(count)
        right = values.repeat(count)
        kwargs = op.sample_kwargs("cpu", dtype, left)[0]
        yield Sample("special", (left, right), dict(kwargs))
    elif isinstance(op, ReductionOpInfo) and dtype in FLOATS:
        plain = make_tensor((len(values) + 2, 67), device="cpu", dtype=dtype, low=-2, high=2)
        for row, value in enumerate(values):
            plain[row, row * 5 % 67] = value
        plain[-1, 3], plain[-1, 40] = float("inf"), -float("inf")
        plain[-2] = float("nan")
        for dims in ({"dim": -1}, {"dim": 0}):
            for args, kwargs in islice(op.generate_args_kwargs(plain, **dims), 1):
                yield Sample(f"special {dims}", (plain, *args), {**kwargs, **dims})


def special_values(dtype: torch.dtype) -> Tensor:
    if dtype is torch.bool:
        return torch.tensor([True, False])
    if dtype not in FLOATS:
        info = torch.iinfo(dtype)
        return torch.tensor([0, 1, 2, 63, 64, info.max, info.max - 1, info.min], dtype=dtype)
    info = torch.finfo(dtype)
    nan, inf = float("nan"), float("inf")
    denormal = info.smallest_normal / 4
    numbers = [nan, inf, 0.0, denormal, info.smallest_normal, 0.5, 1.0, 1.5, 2.5, 88.5, info.max]
    return torch.tensor([*numbers, *(-n for n in numbers[1:])], dtype=dtype)
