"""Higher-order operators: the operator runs on the host, its graphs are compiled or inlined."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from semantics import assert_as_in_eager_mode, tensors
from torch import Tensor
from torch._higher_order_ops import map as map_over
from torch._higher_order_ops import scan, while_loop
from torch._higher_order_ops.associative_scan import associative_scan
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.testing._internal.autograd_function_db import autograd_function_db
from torch.testing._internal.custom_op_db import custom_op_db
from torch.testing._internal.hop_db import hop_db
from torch.utils.checkpoint import checkpoint

import fxlower

R = torch.randn


def branch(x: Tensor) -> Any:
    return torch.cond(
        x.sum() > 0,
        lambda a: (a.sin() * 2 + 1, a.sum()),
        lambda a: (a.cos() @ a.t() @ a, a.mean()),
        (x,),
    )


def nested_branch(x: Tensor) -> Tensor:
    def inner(a: Tensor) -> Tensor:
        return torch.cond(a.mean() > 1, lambda b: b * 2, lambda b: b + 1, (a,))

    return torch.cond(x.sum() > 0, inner, lambda a: a.cos(), (x,))


def branch_backward(x: Tensor) -> Tensor:
    y = torch.cond(x.sum() > 0, lambda a: a.sin() * 2, lambda a: a.cos() * a, (x,))
    return torch.autograd.grad(y.sum(), x)[0]


def loop(i: Tensor, x: Tensor) -> Any:
    return while_loop(lambda i, x: i > 0, lambda i, x: (i - 1, (x @ x).softmax(-1)), (i, x))


def scanned(xs: Tensor, first: Tensor) -> Any:
    return scan(lambda c, x: (c * 0.5 + x, (c * x).sin()), first, xs)


def scanned_backwards_through_strides(xs: Tensor, first: Tensor) -> Any:
    return scan(lambda c, x: (c * 0.5 + x, (c * x).sin()), first, xs.t(), reverse=True)


def associative(xs: Tensor) -> Tensor:
    return associative_scan(lambda a, b: a * b + a, xs, 0, combine_mode="generic")


def mapped(xs: Tensor, y: Tensor) -> Tensor:
    return map_over(lambda x, y: (x + y).sin().softmax(0), xs, y)


region = torch.compiler.nested_compile_region(lambda x, w: (x @ w).relu() + 1)


def regions(x: Tensor, w: Tensor) -> Tensor:
    for _ in range(3):
        x = region(x, w).tanh()
    return x


def regions_backward(x: Tensor, w: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(regions(x, w).sum(), (x, w))


def checkpointed(x: Tensor, w: Tensor) -> tuple[Tensor, ...]:
    y = checkpoint(lambda a, b: (a @ b).sin() * a, x, w, use_reentrant=False)
    assert isinstance(y, Tensor)
    return torch.autograd.grad(y.sum(), (x, w))


BLOCKS = create_block_mask(lambda b, h, i, j: i >= j, None, None, 128, 128, device="cpu")


def flexible(q: Tensor) -> Any:
    def causal(score: Tensor, b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return torch.where(i >= j, score + (i - j) * 0.1, -float("inf"))

    return flex_attention(q, q, q, score_mod=causal), flex_attention(q, q, q, block_mask=BLOCKS)


CASES: dict[str, tuple[Callable[..., Any], Callable[[], list[Any]]]] = {
    "cond": (branch, lambda: [R(8, 4)]),
    "nested cond": (nested_branch, lambda: [R(8, 4)]),
    "cond backward": (branch_backward, lambda: [R(8, 4).requires_grad_()]),
    "while_loop": (loop, lambda: [torch.tensor(5), R(4, 4)]),
    "scan": (scanned, lambda: [R(6, 4), R(4)]),
    "scan of strides": (scanned_backwards_through_strides, lambda: [R(4, 6), R(4)]),
    "associative_scan": (associative, lambda: [R(6, 4)]),
    "map": (mapped, lambda: [R(6, 4), R(4)]),
    "flex_attention": (flexible, lambda: [R(1, 2, 128, 16)]),
    "invoke_subgraph": (regions, lambda: [R(8, 8), R(8, 8)]),
    "invoke_subgraph backward": (
        regions_backward,
        lambda: [R(8, 8).requires_grad_(), R(8, 8).requires_grad_()],
    ),
    "checkpoint": (checkpointed, lambda: [R(8, 8).requires_grad_(), R(8, 8).requires_grad_()]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_as_in_eager_mode(name: str, dynamic: bool) -> None:
    function, make = CASES[name]
    assert_as_in_eager_mode(function, make, dynamic=dynamic)


@pytest.mark.parametrize(
    ("name", "graphs"), [("cond", 2), ("while_loop", 2), ("scan", 1), ("map", 1)]
)
def test_graphs_of_control_flow_are_compiled(name: str, graphs: int) -> None:
    function, make = CASES[name]
    torch._dynamo.reset()
    explanation = fxlower.explain(function, *make())
    *inner, outer = explanation.graphs
    assert len(inner) == graphs and len(outer.fallbacks) == 1
    assert all(g.kernels and not g.fallbacks for g in inner)


def test_a_graph_that_is_called_with_other_strides_runs() -> None:
    """A loop's state comes back with the strides of its body's result."""

    def transposing(i: Tensor, x: Tensor) -> Any:
        return while_loop(lambda i, x: i > 0, lambda i, x: (i - 1, (x.t() * 2).t()), (i, x))

    assert_as_in_eager_mode(transposing, lambda: [torch.tensor(3), R(4, 4)])


@pytest.mark.parametrize("dynamic", [False, True])
def test_regions_are_inlined(dynamic: bool) -> None:
    torch._dynamo.reset()
    graph = fxlower.explain(regions, R(8, 8), R(8, 8), dynamic=dynamic).graphs[0]
    assert not graph.fallbacks and [k.calls for k in graph.kernels] == [3]


DATABASE = [*hop_db, *custom_op_db, *autograd_function_db]


def evaluate(op: Any, run: Callable[..., Any], sample: Any) -> list[Tensor]:
    """The results and the gradients of the sample."""
    torch.manual_seed(0)
    results = run(sample.input, *sample.args)
    leaves = [t for t in tensors((sample.input, sample.args)) if t.requires_grad]
    roots = [t for t in tensors(results) if t.requires_grad]
    if not leaves or not roots:
        return tensors(results)
    found = torch.autograd.grad(sum(t.sum() for t in roots), leaves, allow_unused=True)  # type: ignore[arg-type]
    return [*tensors(results), *(g for g in found if g is not None)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", DATABASE, ids=lambda op: op.name + op.variant_test_name)
def test_entries_of_torch(op: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What works under `aot_eager` works here; samples that an operator changes are no tests."""
    monkeypatch.chdir(tmp_path)  # torch writes graphs there that it cannot partition
    samples = op.sample_inputs("cpu", torch.float32, requires_grad=op.supports_autograd)
    for sample in islice(samples, 2):

        def run(*args: Any, sample: Any = sample) -> Any:
            return op.op(*args, **sample.kwargs)

        def agrees(backend: str, sample: Any = sample, run: Any = run) -> None:
            torch._dynamo.reset()
            found = evaluate(op, torch.compile(run, backend=backend), sample)
            torch.testing.assert_close(found, evaluate(op, run, sample), equal_nan=True)

        try:
            agrees("fxlower")
        except Exception:
            with pytest.raises(Exception):  # noqa: B017  (the same, whatever it is)
                agrees("aot_eager")
