"""Training as in eager mode: gradients of losses, random operators and checkpoints under one seed,
running statistics, autocast, optimizers, whole steps, numerical gradients."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._dynamo.utils import counters
from torch.utils import checkpoint as checkpoints
from torch.utils._pytree import tree_leaves

Run = Callable[..., Any]


def compiled(function: Any, **options: Any) -> Any:
    torch._dynamo.reset()
    return torch.compile(function, backend="fxlower", **options)


def assert_all_close(found: list[Tensor], wanted: list[Tensor], **tolerance: Any) -> None:
    assert len(found) == len(wanted)
    for f, w in zip(found, wanted):
        torch.testing.assert_close(f, w, **tolerance)


# ------------------------------------------------------------------- losses and gradients


def normal(*sizes: int) -> Tensor:
    return torch.randn(*sizes, requires_grad=True)


def signs(*sizes: int) -> Tensor:
    return torch.randint(0, 2, sizes) * 2.0 - 1


def classes(count: int, *sizes: int) -> Tensor:
    return torch.randint(count, sizes)


def ctc(x: Tensor, target: Tensor) -> Tensor:
    lengths: tuple[Any, Any] = (20, 20, 2), (4, 5, 6)
    return F.ctc_loss(x.log_softmax(2), target, *lengths, zero_infinity=True)


LOSSES: dict[str, tuple[Run, Callable[[], tuple[Tensor, ...]]]] = {
    "nll": (lambda x, t: F.nll_loss(x.log_softmax(1), t), lambda: (normal(9, 7), classes(7, 9))),
    "cross_entropy": (
        lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1, ignore_index=3),
        lambda: (normal(9, 7), classes(7, 9)),
    ),
    "cross_entropy, weights": (
        lambda x, t, w: F.cross_entropy(x, t, weight=w, reduction="sum"),
        lambda: (normal(3, 7, 4, 5), classes(7, 3, 4, 5), torch.rand(7)),
    ),
    "cross_entropy, probabilities": (
        lambda x, t: F.cross_entropy(x, t.softmax(1)),
        lambda: (normal(9, 7), normal(9, 7)),
    ),
    "ctc": (ctc, lambda: (normal(20, 3, 7), torch.randint(1, 7, (3, 6)))),
    "kl_div": (
        lambda x, y: F.kl_div(x.log_softmax(1), y.softmax(1), reduction="batchmean"),
        lambda: (normal(9, 7), normal(9, 7)),
    ),
    "cosine_embedding": (
        lambda x, y, t: F.cosine_embedding_loss(x, y, t, margin=0.2),
        lambda: (normal(9, 7), normal(9, 7), signs(9)),
    ),
    "triplet_margin": (
        lambda x, y, z: F.triplet_margin_loss(x, y, z, swap=True),
        lambda: (normal(9, 7), normal(9, 7), normal(9, 7)),
    ),
    "poisson_nll": (
        lambda x, y: F.poisson_nll_loss(x, y.abs(), full=True),
        lambda: (normal(9, 7), torch.randn(9, 7) * 3),
    ),
    "gaussian_nll": (
        lambda x, y, v: F.gaussian_nll_loss(x, y, v.exp(), full=True),
        lambda: (normal(9, 7), normal(9, 7), normal(9, 7)),
    ),
    "multilabel_soft_margin": (
        F.multilabel_soft_margin_loss,
        lambda: (normal(9, 7), classes(2, 9, 7).float()),
    ),
    "multi_margin": (F.multi_margin_loss, lambda: (normal(9, 7), classes(7, 9))),
    "huber": (lambda x, y: F.huber_loss(x, y, delta=0.7), lambda: (normal(9, 7), normal(9, 7))),
    "smooth_l1": (
        lambda x, y: F.smooth_l1_loss(x, y, beta=0.5) + F.smooth_l1_loss(x, y, beta=0.0),
        lambda: (normal(9, 7), normal(9, 7)),
    ),
    "binary_cross_entropy": (
        lambda x, t, w: (
            F.binary_cross_entropy(x.sigmoid(), t, w)
            + F.binary_cross_entropy_with_logits(x, t, pos_weight=w)
        ),
        lambda: (normal(9, 7), torch.rand(9, 7), torch.rand(7)),
    ),
    "margins": (
        lambda x, t: F.soft_margin_loss(x, t) + F.hinge_embedding_loss(x, t),
        lambda: (normal(9, 7), signs(9, 7)),
    ),
    "margin_ranking": (
        lambda x, y, t: F.margin_ranking_loss(x, y, t, margin=0.3),
        lambda: (normal(9), normal(9), signs(9)),
    ),
}


def results(function: Run, args: tuple[Tensor, ...], seed: int = 3) -> list[Tensor]:
    """Outputs under a seed, and gradients."""
    leaves = [a.detach().clone().requires_grad_(a.requires_grad) for a in args]
    torch.manual_seed(seed)
    outputs = tree_leaves(function(*leaves))
    roots = [o for o in outputs if o.requires_grad]
    wanted = [a for a in leaves if a.requires_grad]
    seeds = [torch.linspace(0.5, 1, o.numel()).view_as(o) for o in roots]
    grads = torch.autograd.grad(roots, wanted, seeds, allow_unused=True) if roots else ()
    return [t.detach() for t in (*outputs, *grads) if t is not None]


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str) -> None:
    function, make = LOSSES[name]
    torch.manual_seed(0)
    args = make()
    assert_all_close(results(compiled(function), args), results(function, args))


def double(*sizes: int) -> Tensor:
    return torch.randn(*sizes, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (lambda x, w, b: F.gelu(F.linear(x, w, b)).softmax(-1), [(3, 5), (4, 5), (4,)]),
        (lambda x, w, b: F.layer_norm(x, (5,), w, b).tanh(), [(3, 5), (5,), (5,)]),
        (
            lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
            [(1, 2, 4, 3)] * 3,
        ),
        (lambda x: (x.exp().cumsum(0) / x.cosh().sum(0)).logsumexp(1), [(4, 3)]),
        (
            lambda x, y: torch.view_as_real(torch.view_as_complex(x) * torch.polar(y.exp(), y)),
            [(3, 4, 2), (4,)],
        ),
    ],
)
def test_numerical_gradients(function: Run, args: list[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    torch.autograd.gradcheck(compiled(function), [double(*a) for a in args], fast_mode=True)


# ------------------------------------------------------------------------ random operators

RANDOM: dict[str, Run] = {
    "rand_like": lambda x: x * torch.rand_like(x),
    "randn": lambda x: x + torch.randn(x.shape) * 2,
    "bernoulli": lambda x: torch.bernoulli(torch.sigmoid(x)) * x,
    "randint": lambda x: x + torch.randint(0, 9, x.shape),
    "randperm": lambda x: x[torch.randperm(x.shape[0])],
    "multinomial": lambda x: torch.multinomial(x.softmax(-1), 2),
    "exponential": lambda x: x * torch.empty_like(x).exponential_(),
    "two dropouts": lambda x: (F.dropout(x, 0.2) * F.dropout(x, 0.5)).exp(),
    "alpha_dropout": lambda x: F.feature_alpha_dropout(x, 0.4, training=True),
    "rrelu": lambda x: F.rrelu(x, training=True),
    "gumbel_softmax": F.gumbel_softmax,
    "attention": lambda x: F.scaled_dot_product_attention(
        x[None, None], x[None, None], x[None, None], dropout_p=0.3
    ),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_operators_use_the_generator_of_eager(name: str) -> None:
    torch.manual_seed(0)
    args = (normal(6, 37),)
    assert_all_close(results(compiled(RANDOM[name]), args), results(RANDOM[name], args))


# --------------------------------------------------------------------------------- modules


class Net(nn.Module):
    """Normalization, dropout, and maybe a checkpoint around most of it. (Under a checkpoint eager
    mode counts a batch twice in the running statistics, compiled code once.)"""

    def __init__(self, checkpoint: Run | None = None, dropout: float = 0.3) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 32), nn.Linear(32, 16)
        self.norm = nn.BatchNorm1d(32) if checkpoint is None else nn.LayerNorm(32)
        self.last = nn.Linear(16, 16)
        self.dropout = nn.Dropout(dropout)
        self.checkpoint = checkpoint

    def inner(self, x: Tensor) -> Tensor:
        return self.second(self.dropout(F.gelu(self.norm(self.first(x)))))

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x) if self.checkpoint is None else self.checkpoint(self.inner, x)
        return self.dropout(self.last(y)).sin()


def steps(module: nn.Module, run: Run, *, passes: int = 1, autocast: bool = False) -> list[Tensor]:
    """Losses, gradients, parameters and buffers of three steps; `passes` accumulate gradients."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    found: list[Tensor] = []
    torch.manual_seed(5)
    for step in range(3):
        optimizer.zero_grad(set_to_none=step % 2 == 0)
        for _ in range(passes):
            x = torch.randn(8, 16, requires_grad=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                loss = (run(x).float() ** 2).mean()
            loss.backward()
            found += [loss.detach(), x.grad.clone()]  # type: ignore[union-attr]
        found += [p.grad.clone() for p in module.parameters() if p.grad is not None]
        optimizer.step()
    return found + [t.detach().clone() for t in (*module.parameters(), *module.buffers())]


def save_products(context: Any, operator: Any, *args: Any, **kwargs: Any) -> Any:
    policy = checkpoints.CheckpointPolicy
    is_product = operator in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default)
    return policy.MUST_SAVE if is_product else policy.PREFER_RECOMPUTE


def selective(function: Run, x: Tensor) -> Tensor:
    contexts = functools.partial(checkpoints.create_selective_checkpoint_contexts, save_products)
    return checkpoints.checkpoint(function, x, use_reentrant=False, context_fn=contexts)


def frozen() -> nn.Module:
    module = Net()
    module.first.weight.requires_grad_(False)
    module.last.bias.requires_grad_(False)
    return module


def tied() -> nn.Module:
    module = Net()
    module.last = nn.Linear(16, 32)
    module.last.weight = module.first.weight
    return module


MODULES: dict[str, tuple[Callable[[], nn.Module], dict[str, Any]]] = {
    "dropout and running statistics": (Net, {}),
    "accumulated gradients": (Net, {"passes": 3}),
    "frozen": (frozen, {}),
    "tied": (tied, {}),
    "autocast": (lambda: Net(dropout=0.0), {"autocast": True}),
    "checkpoint": (
        lambda: Net(functools.partial(checkpoints.checkpoint, use_reentrant=False)),
        {},
    ),
    "reentrant checkpoint": (
        lambda: Net(functools.partial(checkpoints.checkpoint, use_reentrant=True)),
        {},
    ),
    "selective checkpoint": (lambda: Net(selective), {}),
}


@pytest.mark.parametrize("name", MODULES)
def test_module(name: str) -> None:
    make, options = MODULES[name]
    torch.manual_seed(0)
    module = make()
    reference = copy.deepcopy(module)
    found = steps(module, compiled(module), **options)
    wanted = steps(reference, reference, **options)
    tolerance = 3e-2 if options.get("autocast") else 1e-4
    assert_all_close(found, wanted, rtol=tolerance, atol=tolerance)


def test_graph_is_kept_for_a_second_backward() -> None:
    w = normal(5, 5)
    loss = compiled(lambda w: (w @ w).tanh().sum())(w)
    loss.backward(retain_graph=True)
    first = w.grad.clone()  # type: ignore[union-attr]
    loss.backward()
    torch.testing.assert_close(w.grad, 2 * first)


# ------------------------------------------------------------------------------- optimizers

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda p, **k: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, **k),
    "adam": lambda p, **k: torch.optim.Adam(p, lr=1e-2, amsgrad=True, **k),
    "adamw": lambda p, **k: torch.optim.AdamW(p, lr=1e-2, **k),
    "rmsprop": lambda p, **k: torch.optim.RMSprop(p, centered=True, momentum=0.9, **k),
    "adagrad": lambda p, **k: torch.optim.Adagrad(p, **k),
    "adadelta": lambda p, **k: torch.optim.Adadelta(p, **k),
    "adamax": lambda p, **k: torch.optim.Adamax(p, **k),
    "nadam": lambda p, **k: torch.optim.NAdam(p, **k),
    "radam": lambda p, **k: torch.optim.RAdam(p, **k),
    "asgd": lambda p, **k: torch.optim.ASGD(p, **k),
    "rprop": lambda p, **k: torch.optim.Rprop(p, **k),
}
VARIANTS = [(name, {"foreach": True}) for name in OPTIMIZERS]
VARIANTS += [("adamw", {"foreach": False}), ("adamw", {"fused": True}), ("sgd", {"fused": True})]
MOST_GRAPHS = 5
"""Over the steps of a test: with state and without, a constant learning rate and a changing one.
(PyTorch makes a constant of a number that `_foreach_` operators get, and so a graph for each.)"""


@pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=str)
def test_optimizer_step(name: str, variant: dict[str, bool]) -> None:
    """Compiled, while a schedule changes the learning rate; without a compilation for each step."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(7, 13), nn.Tanh(), nn.Linear(13, 5))
    modules = module, copy.deepcopy(module)
    for compile_, net in zip((True, False), modules):
        optimizer = OPTIMIZERS[name](net.parameters(), **variant)
        schedule = torch.optim.lr_scheduler.StepLR(
            optimizer, 2 if variant.get("foreach") else 1, 0.9
        )
        counters.clear()
        step = (
            compiled(lambda optimizer=optimizer: optimizer.step()) if compile_ else optimizer.step
        )
        torch.manual_seed(1)
        for _ in range(8):
            optimizer.zero_grad()
            (net(torch.randn(11, 7)) ** 2).mean().backward()
            step()
            schedule.step()
        if compile_:
            assert counters["stats"]["unique_graphs"] <= MOST_GRAPHS
    assert_all_close(*([p.detach() for p in m.parameters()] for m in modules), atol=2e-6, rtol=1e-4)


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 32)
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(32, 50)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.embedding(x)))


def test_twenty_steps_compiled_whole() -> None:
    """Loss, clipped gradients, optimizer and a moving average of the parameters."""
    curves: list[Tensor] = []
    averages: list[list[Tensor]] = []
    for compile_ in (True, False):
        torch.manual_seed(0)
        module = Transformer()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
        parameters = [p.detach() for p in module.parameters()]
        average = [p.clone() for p in parameters]

        def loss_of(x: Tensor, module: nn.Module = module) -> Tensor:
            return F.cross_entropy(module(x)[:, :-1].flatten(0, 1), x[:, 1:].flatten())

        def update(module: nn.Module = module, optimizer: Any = optimizer) -> None:
            nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            optimizer.step()

        def follow(average: list[Tensor] = average, parameters: list[Tensor] = parameters) -> None:
            torch._foreach_lerp_(average, parameters, 0.1)

        functions: list[Any] = [loss_of, update, follow]
        if compile_:
            torch._dynamo.reset()
            functions = [torch.compile(f, backend="fxlower") for f in functions]
        curve: list[Tensor] = []
        for i in range(20):
            generator = torch.Generator().manual_seed(i % 4)
            optimizer.zero_grad()
            loss = functions[0](torch.randint(0, 50, (4, 9), generator=generator))
            loss.backward()
            functions[1]()
            functions[2]()
            curve.append(loss.detach())
        curves.append(torch.stack(curve))
        averages.append(average)
    assert curves[0][-1] < curves[0][0]
    torch.testing.assert_close(*curves, rtol=1e-4, atol=1e-5)
    assert_all_close(*averages, rtol=1e-3, atol=1e-5)
