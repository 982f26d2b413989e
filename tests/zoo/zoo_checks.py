"""What the sweep checks of a model, each time against eager mode, with float64 as the judge."""

from __future__ import annotations

import copy
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map
from zoo_model import ZooModel

from fxlower.explanation import reported
from fxlower.report import GraphReport

SIZES = ((2, 12), (3, 15), (5, 21))
"""Batches and lengths: those of the first calls, then what changes without a recompilation."""

CLOSE = 2e-5
"""Differences from eager, relative to the greatest element, that need no judge."""

LEAST_SCALE = 1e-4
"""Differences are relative to no less than this."""

PART_OF_LAYER = 0.1
"""Differences of a gradient are relative to no less than this part of the greatest in its layer."""


@dataclass
class Outcome:
    """What one check of a model found; `seconds` are of CPU, in the first call."""

    model: str
    group: str
    check: str
    ok: bool = True
    problem: str = ""
    peer: str = ""
    """What aot_eager does where this failed: "passes", or its own problem."""
    seconds: float = 0.0
    graphs: int = 0
    breaks: int = 0
    operators: int = 0
    fallbacks: dict[str, int] = field(default_factory=dict)
    """Calls by operator and reason."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Different(Exception):
    """Results differ from those of eager mode."""


def tensors(result: Any) -> list[torch.Tensor]:
    """All tensors in the result of a model; caches of keys and values are left out."""
    if hasattr(result, "to_tuple"):
        result = {k: v for k, v in result.items() if k not in ("past_key_values", "cache_params")}
    return [t for t in tree_leaves(result) if isinstance(t, torch.Tensor)]


def double(value: Any) -> Any:
    def one(v: Any) -> Any:
        return v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v

    return tree_map(one, value)


def wide(t: torch.Tensor) -> torch.Tensor:
    return t.to(torch.complex128 if t.is_complex() else torch.float64)


def greatest(t: torch.Tensor) -> float:
    """The greatest of the finite elements; 1 where there is none."""
    return float(t.abs()[t.isfinite()].max()) if t.isfinite().any() else 1.0


def error(found: torch.Tensor, exact: torch.Tensor, scale: float = LEAST_SCALE) -> float:
    """The greatest difference, relative to the greatest element or to `scale`, if that is more;
    equal NaN and infinities agree."""
    a, b = wide(found), wide(exact)
    same = (a == b) | (a.isnan() & b.isnan())
    difference = torch.where(same, 0.0, (a - b).abs())
    worst = difference.max() / max(greatest(b), scale)
    return float("inf") if worst.isnan() else float(worst)


def compare(
    found: list[Any],
    eager: list[Any],
    exact: Callable[[], list[Any]],
    what: str,
    scales: Sequence[float] = (),
) -> None:
    """Refuse results whose error is more than a few times that of eager mode. `scales` are the
    least scales of the first tensors.

    Raises:
        Different: names the tensor and the errors.
    """
    if len(found) != len(eager):
        raise Different(f"{what}: {len(found)} tensors, expected {len(eager)}")
    judge: list[Any] | None = None
    for position, (f, e) in enumerate(zip(found, eager, strict=True)):
        where = f"{what}, tensor {position}"
        if f.dtype != e.dtype or f.shape != e.shape:
            raise Different(
                f"{where}: {f.dtype} {list(f.shape)}, expected {e.dtype} {list(e.shape)}"
            )
        if not f.numel() or torch.equal(f, e):
            continue
        if not (f.is_floating_point() or f.is_complex()):
            raise Different(f"{where}: {int((f != e).sum())} of {f.numel()} integers differ")
        scale = scales[position] if position < len(scales) else LEAST_SCALE
        apart = error(f, e, scale)
        if apart <= CLOSE:
            continue
        judge = judged(exact, eager) if judge is None else judge
        ours, theirs = (error(t, judge[position], scale) for t in (f, e))
        if not ours <= 4 * theirs + CLOSE:
            raise Different(
                f"{where} of {list(f.shape)}: {apart:.1e} from eager; from float64 {ours:.1e}, "
                f"eager {theirs:.1e}"
            )


def judged(exact: Callable[[], list[Any]], eager: list[Any]) -> list[Any]:
    """What `exact` makes; what eager made of a model that does not run in float64."""
    try:
        return exact()
    except RuntimeError:
        return eager


class Backend:
    """A backend that counts the graphs that Dynamo gives it."""

    def __init__(self, name: str) -> None:
        self.compile = torch._dynamo.lookup_backend(name)
        self.graphs = 0

    def __call__(self, gm: Any, inputs: Any) -> Any:
        self.graphs += 1
        return self.compile(gm, inputs)


def compiled(module: Any, backend: Any, **kwargs: Any) -> Any:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    return torch.compile(module, backend=backend, **kwargs)


def inference(model: ZooModel, backend: Backend) -> float:
    module, inputs = model.build(), model.inputs(*SIZES[0])
    run = compiled(module, backend)
    with torch.no_grad():
        begin = time.process_time()
        torch.manual_seed(3)
        found = tensors(run(**inputs))
        seconds = time.process_time() - begin
        torch.manual_seed(3)
        eager = tensors(module(**inputs))
        compare(found, eager, lambda: exact_outputs(module, inputs), "outputs")
        torch.manual_seed(3)
        again = tensors(run(**inputs))
        compare(again, eager, lambda: exact_outputs(module, inputs), "outputs of a second call")
    return seconds


def exact_outputs(module: torch.nn.Module, inputs: dict[str, Any]) -> list[torch.Tensor]:
    torch.manual_seed(3)
    return tensors(copy.deepcopy(module).double()(**double(inputs)))


def step(module: torch.nn.Module, run: Any, inputs: dict[str, Any]) -> list[torch.Tensor]:
    """The loss and every gradient of one training step, and the buffers after it."""
    torch.manual_seed(3)
    inputs = {
        k: v.detach().requires_grad_() if v.is_floating_point() else v for k, v in inputs.items()
    }
    loss = torch.zeros((), dtype=next(iter(module.parameters()), torch.zeros(1)).dtype)
    for output in tensors(run(**inputs)):
        if output.requires_grad and output.is_floating_point() and output.numel():
            # Weights of one sign: a sum that cancels would measure the rounding of its terms.
            weights = torch.linspace(0.1, 1, output.numel(), dtype=output.dtype)
            loss = loss + (output * output * weights.view(output.shape)).mean()
    if loss.requires_grad:
        loss.backward()
    leaves = [*module.parameters(), *(v for v in inputs.values() if v.requires_grad)]
    # A parameter that the loss does not use has no gradient in eager mode, and zeros in a graph.
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in leaves]
    return [loss.detach(), *grads, *(b.clone() for b in module.buffers())]


def training(model: ZooModel, backend: Backend) -> float:
    module, inputs = model.build(train=True), model.inputs(*SIZES[0])
    reference, exact = copy.deepcopy(module), copy.deepcopy(module)
    run = compiled(module, backend)
    begin = time.process_time()
    found = step(module, run, inputs)
    seconds = time.process_time() - begin
    eager = step(reference, reference, inputs)
    scales = [LEAST_SCALE, *layer_scales(reference)]
    compare(found, eager, lambda: step(exact.double(), exact, double(inputs)), "step", scales)
    return seconds


def layer_scales(module: torch.nn.Module) -> list[float]:
    """For each parameter what its gradient is measured by at least, a part of the greatest gradient
    in its layer. That of a bias ahead of a batch norm is 0, and so is that of the bias of keys in
    attention: terms as great as those of the weight's gradient cancel, and what is left is their
    rounding, which has no relation to the result."""
    by_layer: dict[str, float] = defaultdict(float)
    layers = [name.rpartition(".")[0] for name, _ in module.named_parameters()]
    for layer, parameter in zip(layers, module.parameters(), strict=True):
        if parameter.grad is not None and parameter.grad.isfinite().any():
            by_layer[layer] = max(by_layer[layer], greatest(parameter.grad))
    return [max(PART_OF_LAYER * by_layer[layer], LEAST_SCALE) for layer in layers]


def changing_sizes(model: ZooModel, backend: Backend) -> float:
    """Later sizes must not compile more than they do under aot_eager."""
    again = later_graphs(model, backend)
    if again > 0:
        peer = later_graphs(model, Backend("aot_eager"))
        if again > peer:
            raise Different(f"{again} graphs were compiled for later sizes, {peer} by aot_eager")
    return 0.0


def later_graphs(model: ZooModel, backend: Backend) -> int:
    module = model.build()
    run = compiled(module, backend, dynamic=True)
    first = 0
    with torch.no_grad():
        for turn, (batch, length) in enumerate(SIZES):
            inputs = model.inputs(batch, length if model.lengths else SIZES[0][1])
            torch.manual_seed(3)
            found = tensors(run(**inputs))
            if not turn:
                first = backend.graphs
            torch.manual_seed(3)
            eager = tensors(module(**inputs))
            compare(
                found, eager, lambda i=inputs: exact_outputs(module, i), f"at {batch} x {length}"
            )
    return backend.graphs - first


def generation(model: ZooModel, backend: Backend) -> float:
    """Six tokens, with a cache that grows and with one of fixed size."""
    seconds = 0.0
    for cache in ("dynamic", "static"):
        module: Any = model.build()
        inputs = model.inputs(*SIZES[0])
        inputs.pop("decoder_input_ids", None)
        options = {
            "max_new_tokens": 6, "do_sample": False, "eos_token_id": None, "output_logits": True,
            "return_dict_in_generate": True, "cache_implementation": cache, "disable_compile": True,
        }  # fmt: skip
        eager = module.generate(**inputs, **options)
        forward = module.forward
        module.forward = compiled(forward, backend)
        begin = time.process_time()
        found = module.generate(**inputs, **options)
        seconds += time.process_time() - begin
        if not torch.equal(found.sequences, eager.sequences):
            raise Different(f"{cache} cache: other tokens are generated")
        compare(list(found.logits), list(eager.logits), lambda e=eager: list(e.logits), cache)
    return seconds


CHECKS: dict[str, Callable[[ZooModel, Backend], float]] = {
    "inference": inference,
    "training": training,
    "sizes": changing_sizes,
    "generation": generation,
}


@contextmanager
def recording(outcome: Outcome):
    """Put what fxlower compiles meanwhile into `outcome`."""
    graphs: list[GraphReport]
    with reported() as graphs:
        try:
            yield
        finally:
            outcome.graphs = len(graphs)
            outcome.operators = sum(g.operators for g in graphs)
            calls = Counter(f"{c.target}: {c.reason}" for g in graphs for c in g.fallbacks)
            outcome.fallbacks = dict(calls)
            outcome.breaks = sum(torch._dynamo.utils.counters["graph_break"].values())


def check(model: ZooModel, name: str, backend: str = "fxlower") -> Outcome:
    """One check of one model; a failure is looked at under aot_eager too."""
    outcome = Outcome(model.name, model.group, name)
    run = CHECKS[name]
    with recording(outcome):
        try:
            outcome.seconds = run(model, Backend(backend))
        except Exception as problem:
            outcome.ok = False
            outcome.problem = f"{type(problem).__name__}: {problem}"
    if outcome.ok and outcome.seconds <= SLOW:
        return outcome
    try:
        peer = run(model, Backend("aot_eager"))
        outcome.peer = "passes"
        if outcome.ok and outcome.seconds > 3 * peer + SLOW:
            outcome.ok = False
            outcome.problem = (
                f"the first call takes {outcome.seconds:.0f} s, aot_eager's {peer:.0f}"
            )
    except Exception as problem:
        outcome.peer = f"{type(problem).__name__}: {problem}"
    return outcome


SLOW = 10.0
"""Seconds for a first call that are not looked into."""
