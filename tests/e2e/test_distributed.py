"""Training on two processes with gloo over the loopback interface: losses and parameters as in
eager mode under DistributedDataParallel, FSDP2 and tensor parallelism, and collectives in a graph.

The processes are started once, for all checks: each writes what it found of every check to a file.
"""

from __future__ import annotations

import datetime
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

CHECKS = ["ddp", "ddp without DDPOptimizer", "fsdp2", "tensor parallel", "collectives"]
SECONDS = 240
"""For all checks together, on a busy machine; they take about 20 on a quiet one."""

pytestmark = pytest.mark.skipif(
    not dist.is_available() or not dist.is_gloo_available(), reason="torch is built without gloo"
)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x + self.down(nn.functional.gelu(self.up(x))))


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(Block(16), Block(16), nn.Linear(16, 8))


def trained(run: Callable[..., Tensor], module: nn.Module, seed: int) -> list[Tensor]:
    """The losses of some steps, and the parameters after them."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    losses: list[Tensor] = []
    for step in range(3):
        generator = torch.Generator().manual_seed(100 * step + seed)
        x, y = (torch.randn(6, n, generator=generator) for n in (16, 8))
        optimizer.zero_grad()
        loss = ((run(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    parameters: list[Any] = [p.detach() for p in module.parameters()]
    return losses + [p.full_tensor() if hasattr(p, "full_tensor") else p for p in parameters]


def assert_trains_as_eager(wrap: Callable[[nn.Sequential], nn.Module], seed: int) -> None:
    torch._dynamo.reset()
    module, reference = wrap(model()), wrap(model())
    found = trained(torch.compile(module, backend="fxlower"), module, seed)
    for f, e in zip(found, trained(reference, reference, seed), strict=True):
        torch.testing.assert_close(f, e, rtol=1e-4, atol=1e-5)


def check_ddp(rank: int, *, optimizer: bool = True) -> None:
    from torch.nn.parallel import DistributedDataParallel

    dist._DEFAULT_FIRST_BUCKET_BYTES = 1000  # several buckets, and so several graphs

    def wrap(module: nn.Sequential) -> nn.Module:
        return DistributedDataParallel(module, bucket_cap_mb=0.005)

    with torch._dynamo.config.patch(optimize_ddp=optimizer):
        assert_trains_as_eager(wrap, seed=rank)


def check_fsdp2(rank: int) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (2,))

    def wrap(module: nn.Sequential) -> nn.Module:
        for layer in (*module, module):
            fully_shard(layer, mesh=mesh)
        return module

    assert_trains_as_eager(wrap, seed=rank)


def check_tensor_parallel(rank: int) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )

    mesh = init_device_mesh("cpu", (2,))

    def wrap(module: nn.Sequential) -> nn.Module:
        plan: dict[str, Any] = {f"{i}.up": ColwiseParallel() for i in range(2)}
        plan |= {f"{i}.down": RowwiseParallel() for i in range(2)}
        return parallelize_module(module, mesh, plan)

    assert_trains_as_eager(wrap, seed=0)


def check_collectives(rank: int) -> None:
    """Calls of functional collectives in one graph, waited for before their results are used; and
    again with other data, in inference, where weights might be kept."""
    import torch.distributed._functional_collectives as collectives

    import fxlower

    group: Any = dist.group.WORLD

    def function(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        total = collectives.all_reduce(x @ w, "sum", group)
        gathered = collectives.all_gather_tensor(total * 2, 0, group)
        scattered = collectives.reduce_scatter_tensor(gathered + 1, "sum", 0, group)
        return scattered.relu() + total, x + w.sum()

    torch._dynamo.reset()
    run = torch.compile(function, backend="fxlower", fullgraph=True)
    for _ in range(3):
        x, w = torch.randn(4, 8) + rank, torch.randn(8, 8)
        for f, e in zip(run(x, w), function(x, w), strict=True):
            torch.testing.assert_close(f, e)
    explanation = fxlower.explain(function, x, w)
    called = {str(call.target) for call in explanation.fallbacks}
    assert len([name for name in called if name.startswith("_c10d_functional")]) == 4, called


def run_checks(rank: int, port: int, folder: Path) -> None:
    """What each process does."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"tcp://127.0.0.1:{port}",
        timeout=datetime.timedelta(seconds=SECONDS),
        rank=rank,
        world_size=2,
    )
    functions: list[Callable[..., Any]] = [
        check_ddp,
        lambda rank: check_ddp(rank, optimizer=False),
        check_fsdp2,
        check_tensor_parallel,
        check_collectives,
    ]
    for name, check in zip(CHECKS, functions, strict=True):
        try:
            check(rank)
            result = "passed"
        except Exception:
            result = traceback.format_exc()
        (folder / f"{name} {rank}").write_text(result)
        dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    command = [sys.executable, __file__, str(port), str(folder)]
    processes = [
        subprocess.Popen([*command, str(rank)], stderr=subprocess.PIPE) for rank in range(2)
    ]
    try:
        for rank, process in enumerate(processes):
            errors = process.communicate(timeout=SECONDS)[1]
            if process.returncode:
                (folder / f"process {rank}").write_bytes(errors)
    except subprocess.TimeoutExpired:
        (folder / "process").write_text(f"no end after {SECONDS} s")
    finally:
        for process in processes:
            process.kill()
    return folder


@pytest.mark.parametrize("name", CHECKS)
def test_two_processes(results: Path, name: str) -> None:
    for rank in range(2):
        file = results / f"{name} {rank}"
        if not file.exists():
            pytest.fail("".join(f.read_text() for f in results.glob("process*")))
        assert file.read_text() == "passed", file.read_text()


if __name__ == "__main__":
    run_checks(int(sys.argv[3]), int(sys.argv[1]), Path(sys.argv[2]))
