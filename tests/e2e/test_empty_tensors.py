"""Tensors without elements in every family of operators: what eager mode gives, or its error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from semantics import assert_as_in_eager_mode

R = torch.randn
EMPTY = torch.zeros(0, dtype=torch.long)


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, dtype=torch.long)


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[[], list[Any]]]] = {
    "reductions of nothing": (
        lambda x: (x.sum(0), x.sum(1), x.mean(0), x.prod(0), x.std(0), x.any(0), x.all(0)),
        lambda: [R(0, 5)],
    ),
    "no reductions": (
        lambda x: (x.amax(1), x.argmax(1), x.var(1), x.max(1).values, x.sort(0).values),
        lambda: [R(0, 5)],
    ),
    "rows": (
        lambda x: (x.softmax(0), x.softmax(1), x.logsumexp(0), x.logsumexp(1), x.cumsum(0)),
        lambda: [R(0, 5)],
    ),
    "amax of nothing": (lambda x: x.amax(0), lambda: [R(0, 5)]),
    "max of nothing": (lambda x: x.max(), lambda: [R(0, 5)]),
    "argmax of nothing": (lambda x: x.argmax(0), lambda: [R(0, 5)]),
    "numbers": (
        lambda a, b: (a + 1, b * a, b.sum(), b.mean(), b.prod(), torch.cat([b, b]), a.view(1, 1)),
        lambda: [R(()), R(0)],
    ),
    "products without a depth": (
        lambda a, b, c: (a @ b, torch.addmm(c, a, b), F.linear(a, b.t(), c), (a[None] @ b[None])),
        lambda: [R(4, 0), R(0, 3), R(3)],
    ),
    "products without rows": (
        lambda a, b: (a.t() @ b, b.t() @ a, a @ b.t()),
        lambda: [R(3, 0), R(3, 0)],
    ),
    "an attention to nothing": (
        lambda q, k: (F.scaled_dot_product_attention(q, k, k), (q @ k.mT).softmax(-1) @ k),
        lambda: [R(2, 5, 8), R(2, 0, 8)],
    ),
    "a convolution of no images": (
        lambda x, w: (F.conv2d(x, w), F.max_pool2d(x, 2), F.interpolate(x, scale_factor=2.0)),
        lambda: [R(0, 3, 8, 8), R(4, 3, 3, 3)],
    ),
    "norms": (
        lambda x, w: (F.layer_norm(x, (4,), w, w), F.group_norm(x, 2, w, w)),
        lambda: [R(0, 4), R(4)],
    ),
    "embeddings": (
        lambda w, i: (F.embedding(i, w), F.embedding(i[:, None].expand(0, 3), w)),
        lambda: [R(3, 4), EMPTY],
    ),
    "views": (
        lambda x: (x.flip(0), x.roll(1, 0), x.repeat(2, 3), F.pad(x, (1, 1, 1, 1)), x.t(), x[1:]),
        lambda: [R(0, 4)],
    ),
    "no indices": (
        lambda x, i: (x[i], x.index_select(1, i), x.index_add(0, i, x[:0]), x.take(i)),
        lambda: [R(4, 3), EMPTY],
    ),
    "no elements at any index": (
        lambda x, i: (x.gather(0, i), x.scatter(0, i, x), x.gather(0, zeros(0, 4))),
        lambda: [R(0, 4), zeros(0, 4)],
    ),
    "an index of another rank": (
        lambda x, i: (x.scatter(0, i, x), x.scatter_add(0, i, x)),
        lambda: [R(3, 3), zeros(0, 5, 0)],
    ),
    "rows of none": (lambda x: x.gather(0, zeros(3, 0)), lambda: [R(0, 0)]),
    "rows without elements": (lambda x, i: x[i], lambda: [R(5, 0), torch.tensor([9])]),
    "an index into nothing": (lambda x, i: x[i], lambda: [R(0, 3), torch.tensor([1])]),
    "nothing divided by 0": (
        lambda x, n: (x // n, x % n, x.view(0, 1) // n),
        lambda: [EMPTY, torch.tensor(0)],
    ),
    "changed": (lambda x: (x.add_(1), x[1:].mul_(2), x.view(0)), lambda: [R(0, 4)]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_in_eager_mode(name: str, dynamic: bool) -> None:
    function, make = FUNCTIONS[name]
    assert_as_in_eager_mode(function, make, dynamic=dynamic)
