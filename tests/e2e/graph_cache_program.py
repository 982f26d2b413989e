"""A program for tests of caches, run in processes of its own: compiles and checks some functions,
and prints what was compiled and what was found.

    python graph_cache_program.py [--load FILE] [--save FILE]
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._dynamo.utils import counters


def inference(x: Tensor) -> Tensor:
    return (x @ x.t()).softmax(-1).cumsum(0)


def changed(x: Tensor) -> Tensor:
    x.mul_(2)
    return torch.fft.rfft(x).abs() + x.shape[0]


def training(x: Tensor) -> Tensor:
    return (x.sin() @ x.cos().t()).relu().sum(0)


def check(function: Callable[..., Any], rows: int, **kwargs: Any) -> None:
    torch.manual_seed(0)
    trains = function is training
    x = torch.randn(rows, 12, requires_grad=trains)
    copy = x.detach().clone().requires_grad_(trains)
    compiled = torch.compile(function, backend="fxlower", **kwargs)
    found, expected = compiled(x), function(copy)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(x, copy)
    if trains:
        found.sum().backward(retain_graph=True)
        found.sum().backward()
        expected.sum().backward()
        assert x.grad is not None and copy.grad is not None
        torch.testing.assert_close(x.grad, copy.grad * 2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--load")
    parser.add_argument("--save")
    args = parser.parse_args()
    if args.load:
        with open(args.load, "rb") as file:
            assert torch.compiler.load_cache_artifacts(file.read()) is not None
    torch._functorch.config.strict_autograd_cache = True
    check(inference, 8)
    check(changed, 8)
    check(training, 8)
    check(training, 9, dynamic=True)
    if args.save:
        made = torch.compiler.save_cache_artifacts()
        assert made is not None
        with open(args.save, "wb") as file:
            file.write(made[0])
    hits = counters["aot_autograd"]["autograd_cache_hit"]
    print(json.dumps({**counters["fxlower"], "hits": hits}))


if __name__ == "__main__":
    main()
