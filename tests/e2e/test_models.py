"""Whole models against eager: outputs, every gradient, and changing sizes, with float64 eager as
the judge of rounding."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from models import MODELS, Model
from torch.utils._pytree import tree_leaves

import fxlower

BY_NAME = {m.name: m for m in MODELS}


def tensors(result: Any) -> list[torch.Tensor]:
    if hasattr(result, "to_tuple"):
        result = result.to_tuple()
    return [t for t in tree_leaves(result) if isinstance(t, torch.Tensor)]


def double(value: torch.Tensor) -> torch.Tensor:
    return value.double() if value.is_floating_point() else value


def assert_as_good_as_eager(found: Any, eager: Any, exact: Any, what: str) -> None:
    """The error of `found` against float64 is at most a few times that of eager float32."""
    assert len(found) == len(eager) == len(exact), what
    for position, (f, e, x) in enumerate(zip(found, eager, exact, strict=True)):
        assert f.dtype == e.dtype and f.shape == e.shape, f"{what}, tensor {position}"
        if not f.is_floating_point():
            assert torch.equal(f, e), f"{what}, tensor {position}"
            continue
        scale = x.abs().max().clamp_min(1e-3) if x.numel() else torch.tensor(1.0)
        error = (f.double() - x).abs().max() / scale if x.numel() else torch.tensor(0.0)
        allowed = 4 * (e.double() - x).abs().max() / scale + 2e-6 if x.numel() else 0.0
        assert error <= allowed, (
            f"{what}, tensor {position}: error {error:.2e}, allowed {allowed:.2e}"
        )


def compiled(module: torch.nn.Module, **kwargs: Any) -> Any:
    torch._dynamo.reset()
    return torch.compile(module, backend="fxlower", **kwargs)


@pytest.mark.parametrize("name", BY_NAME)
def test_inference(name: str) -> None:
    model = BY_NAME[name]
    module, inputs = model.build(), model.inputs(2, 13)
    with torch.no_grad():
        found = tensors(compiled(module)(**inputs))
        eager = tensors(module(**inputs))
        exact = tensors(copy.deepcopy(module).double()(**{k: double(v) for k, v in inputs.items()}))
    assert_as_good_as_eager(found, eager, exact, name)


def gradients(module: Any, run: Any, inputs: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The loss and every gradient of one training step, and the buffers after it."""
    module.zero_grad()
    output = tensors(run(**inputs))[0]
    # Weights of one sign: a sum that cancels would measure the rounding of its terms.
    weights = torch.linspace(0.1, 1, output.numel(), dtype=output.dtype).view_as(output)
    loss = (output * output * weights).sum()
    loss.backward()
    # A parameter that the loss does not use has no gradient in eager mode, and zeros in a graph.
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in module.parameters()]
    return [loss.detach(), *grads, *(b.clone() for b in module.buffers())]


@pytest.mark.parametrize("name", BY_NAME)
def test_training_step(name: str) -> None:
    model = BY_NAME[name]
    module, inputs = model.build(train=True), model.inputs(2, 11)
    reference = copy.deepcopy(module)
    exact_module = copy.deepcopy(module).double()
    found = gradients(module, compiled(module), inputs)
    eager = gradients(reference, reference, inputs)
    exact = gradients(exact_module, exact_module, {k: double(v) for k, v in inputs.items()})
    assert_as_good_as_eager(found, eager, exact, name)


@pytest.mark.parametrize("name", BY_NAME)
def test_changing_sizes_need_one_compilation(name: str) -> None:
    model = BY_NAME[name]
    module = model.build()
    run = compiled(module, dynamic=True)
    lengths = (7, 12, 19) if model.length_is_dynamic else (7, 7, 7)
    for step, (batch, length) in enumerate(zip((2, 3, 5), lengths, strict=True)):
        inputs = model.inputs(batch, length)
        with torch.no_grad():
            if step:
                with torch.compiler.set_stance("fail_on_recompile"):
                    found = tensors(run(**inputs))
            else:
                found = tensors(run(**inputs))
            eager = tensors(module(**inputs))
            exact = tensors(
                copy.deepcopy(module).double()(**{k: double(v) for k, v in inputs.items()})
            )
        assert_as_good_as_eager(found, eager, exact, f"{name} at {batch} x {length}")


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "vit"])
def test_nearly_all_operators_are_compiled(name: str) -> None:
    model = BY_NAME[name]
    with torch.no_grad():
        explanation = fxlower.explain(model.build(), **model.inputs(2, 13))
    assert explanation.share_in_kernels >= 0.97, str(explanation)
    assert "kernels" in str(explanation)


def test_training_converges_as_eager() -> None:
    """Ten steps of an optimizer: weights change under the compiled code and are seen."""
    model: Model = BY_NAME["encoder"]
    module = model.build(train=True)
    reference = copy.deepcopy(module)
    inputs = model.inputs(4, 9)
    target = torch.randint(211, (4 * 9,), generator=torch.Generator().manual_seed(1))
    losses: list[list[float]] = []
    for net, run in ((module, compiled(module)), (reference, reference)):
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
        curve: list[float] = []
        for _ in range(10):
            optimizer.zero_grad()
            logits = run(**inputs)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target)
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
        losses.append(curve)
    assert losses[0][-1] < losses[0][0]
    torch.testing.assert_close(torch.tensor(losses[0]), torch.tensor(losses[1]), rtol=1e-3, atol=0)
