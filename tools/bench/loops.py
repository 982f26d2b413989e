"""Code that is not a matrix product: run time beside eager and Inductor, and achieved bandwidth.

The bandwidth counts every input and output once; beside it stands that of a copy in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch.nn import functional as F

from fxlower.tools.bench.timing import medians

CHECK_ERROR = 1e-2
"""Relative to the largest element; a case beyond it has computed something else."""


@dataclass(frozen=True)
class Case:
    name: str
    function: Callable[..., Any]
    inputs: tuple[torch.Tensor, ...]
    trains: bool = False
    mutates: bool = field(default=False)


def tensor(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape).to(dtype)


def layer_norm(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, x.shape[-1:], w, b)


def layer_norm_gelu(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return F.gelu(layer_norm(x, w, b))


def layer_norm_residual(
    x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    total = x + y
    return total, layer_norm(total, w, b)


def rms_norm(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * w


def batch_norm_relu(x: torch.Tensor, m: Any, v: Any, w: Any, b: Any) -> torch.Tensor:
    return F.relu(F.batch_norm(x, m, v, w, b))


def geglu(x: torch.Tensor) -> torch.Tensor:
    value, gate = x.chunk(2, -1)
    return value * F.gelu(gate)


def rotary(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat([-high, low], -1) * sin


def cross_entropy_grad(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    loss = F.cross_entropy(x, t)
    (gradient,) = torch.autograd.grad(loss, x)
    return gradient


def adam(*state: torch.Tensor) -> tuple[torch.Tensor, ...]:
    results: list[torch.Tensor] = []
    for p, g, m, v in zip(*(state[i::4] for i in range(4))):
        m.lerp_(g, 0.1)
        v.mul_(0.999).addcmul_(g, g, value=0.001)
        p.addcdiv_(m, (v / 0.02).sqrt() + 1e-8, value=-1e-3)
        results.append(p)
    return tuple(results)


def chain(x: torch.Tensor) -> torch.Tensor:
    for i in range(10):
        x = x * (1.0 + i / 16) + 0.5
        x = torch.clamp(x, -3.0, 3.0) if i % 3 else x.abs()
    return x


def masks(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return ((x > 0) & (y < 0.5)) | ~(x > y)


def embed(i: torch.Tensor, table: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return layer_norm(F.embedding(i, table), w, b)


def causal_softmax(x: torch.Tensor) -> torch.Tensor:
    n = x.shape[-1]
    keep = torch.ones(n, n, dtype=torch.bool).tril()
    return x.masked_fill(~keep, float("-inf")).softmax(-1)


def cases() -> list[Case]:
    low = torch.bfloat16
    wide = (tensor(768), tensor(768))
    positive = torch.rand(64) + 0.5
    labels = torch.randint(32000, (256,))
    optimizer: list[torch.Tensor] = []
    for shape in ((768, 768), (768, 3072), (768,), (3072,)):
        optimizer += [tensor(*shape), tensor(*shape), tensor(*shape), tensor(*shape).abs()]
    angles = tensor(512, 64)
    return [
        Case("softmax 4096x512", lambda x: x.softmax(-1), (tensor(4096, 512),)),
        Case("softmax 4095x509", lambda x: x.softmax(-1), (tensor(4095, 509),)),
        Case("softmax bf16 4096x512", lambda x: x.softmax(-1), (tensor(4096, 512, dtype=low),)),
        Case("softmax dim 1 64x512x64", lambda x: x.softmax(1), (tensor(64, 512, 64),)),
        Case("causal softmax 12x256x256", causal_softmax, (tensor(12, 256, 256),)),
        Case("log_softmax 4096x512", lambda x: x.log_softmax(-1), (tensor(4096, 512),)),
        Case("layer norm 2048x768", layer_norm, (tensor(2048, 768), *wide)),
        Case("layer norm bf16 2048x768", layer_norm, tuple(
            t.to(low) for t in (tensor(2048, 768), *wide))),
        Case("layer norm+gelu 2048x768", layer_norm_gelu, (tensor(2048, 768), *wide)),
        Case("layer norm+residual 2048x768", layer_norm_residual,
             (tensor(2048, 768), tensor(2048, 768), *wide)),
        Case("rms norm 2048x1024", rms_norm, (tensor(2048, 1024), tensor(1024))),
        Case("group norm 16x64x32x32", lambda x, w, b: F.group_norm(x, 8, w, b),
             (tensor(16, 64, 32, 32), tensor(64), tensor(64))),
        Case("batch norm+relu 16x64x32x32", batch_norm_relu,
             (tensor(16, 64, 32, 32), tensor(64), positive, tensor(64), tensor(64))),
        Case("batch norm training 16x64x32x32",
             lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
             (tensor(16, 64, 32, 32), tensor(64), tensor(64))),
        Case("bias+gelu 2048x3072", lambda x, b: F.gelu(x + b), (tensor(2048, 3072), tensor(3072))),
        Case("bias+tanh gelu 2048x3072", lambda x, b: F.gelu(x + b, approximate="tanh"),
             (tensor(2048, 3072), tensor(3072))),
        Case("bias+gelu bf16 2048x3072", lambda x, b: F.gelu(x + b),
             (tensor(2048, 3072, dtype=low), tensor(3072, dtype=low))),
        Case("geglu 1024x4096", geglu, (tensor(1024, 4096),)),
        Case("silu*x 1024x2048", lambda x, y: F.silu(x) * y, (tensor(1024, 2048),) * 2),
        Case("rotary 2x12x512x64", rotary, (tensor(2, 12, 512, 64), angles.cos(), angles.sin())),
        Case("cross entropy 256x32000", F.cross_entropy, (tensor(256, 32000), labels)),
        Case("cross entropy+backward 256x32000", cross_entropy_grad,
             (tensor(256, 32000).requires_grad_(), labels), trains=True),
        Case("adam 3.5M", adam, tuple(optimizer), mutates=True),
        Case("row sums 4096x1024", lambda x: x.sum(-1), (tensor(4096, 1024),)),
        Case("column sums 4096x1024", lambda x: x.sum(0), (tensor(4096, 1024),)),
        Case("full sum 4096x1024", lambda x: x.sum(), (tensor(4096, 1024),)),
        Case("mean of squares 4096x1024", lambda x, y: F.mse_loss(x, y),
             (tensor(4096, 1024), tensor(4096, 1024))),
        Case("column max 4096x1024", lambda x: x.amax(0), (tensor(4096, 1024),)),
        Case("sums over 0 and 2 16x64x1024", lambda x: x.sum((0, 2)), (tensor(16, 64, 1024),)),
        Case("argmax 4096x1024", lambda x: x.argmax(-1), (tensor(4096, 1024),)),
        Case("column argmax 1024x1024", lambda x: x.argmax(0), (tensor(1024, 1024),)),
        Case("variance 4096x1024", lambda x: x.var(-1), (tensor(4096, 1024),)),
        Case("cumsum 1024x1024", lambda x: x.cumsum(-1), (tensor(1024, 1024),)),
        Case("column cumsum 1024x1024", lambda x: x.cumsum(0), (tensor(1024, 1024),)),
        Case("transpose+add 2048x1024", lambda x, y: x.t() + y,
             (tensor(1024, 2048), tensor(2048, 1024))),
        Case("transposed copy 2048x1024", lambda x: x.t().contiguous(), (tensor(2048, 1024),)),
        Case("transposed softmax 1024x1024", lambda x: x.t().softmax(-1), (tensor(1024, 1024),)),
        Case("NCHW to NHWC 16x64x32x32", lambda x: (x * 2).permute(0, 2, 3, 1).contiguous(),
             (tensor(16, 64, 32, 32),)),
        Case("heads 8x512x12x64", lambda x: x.view(8, 512, 12, 64).transpose(1, 2).contiguous(),
             (tensor(8, 512, 768),)),
        Case("transposed copy 1023x1025", lambda x: x.t().contiguous(), (tensor(1023, 1025),)),
        Case("transposed copy bf16 2048x1024", lambda x: x.t().contiguous(),
             (tensor(2048, 1024, dtype=low),)),
        Case("transposed copy int8 2048x1024", lambda x: x.t().contiguous(),
             ((tensor(2048, 1024) * 30).to(torch.int8),)),
        Case("NHWC to NCHW 16x32x32x64", lambda x: (x * 2).permute(0, 3, 1, 2).contiguous(),
             (tensor(16, 32, 32, 64),)),
        Case("images to NCHW uint8 16x128x128x3",
             lambda x: (x / 255.0).permute(0, 3, 1, 2).contiguous(),
             (torch.randint(255, (16, 128, 128, 3)).to(torch.uint8),)),
        Case("NCHW to NHWC 16x3x128x128", lambda x: x.permute(0, 2, 3, 1).contiguous(),
             (tensor(16, 3, 128, 128),)),
        Case("reversed dims 16x32x32x64", lambda x: x.permute(3, 2, 1, 0).contiguous(),
             (tensor(16, 32, 32, 64),)),
        Case("short transposes 8192x8x16", lambda x: x.transpose(1, 2).contiguous(),
             (tensor(8192, 8, 16),)),
        Case("patches 8x3x224x224",
             lambda x: x.view(8, 3, 14, 16, 14, 16).permute(0, 2, 4, 1, 3, 5).reshape(8, 196, 768),
             (tensor(8, 3, 224, 224),)),
        Case("pixel shuffle 8x64x64x64", lambda x: F.pixel_shuffle(x, 2), (tensor(8, 64, 64, 64),)),
        Case("interleaved swiglu 1024x4096", lambda x: F.silu(x[..., ::2]) * x[..., 1::2],
             (tensor(1024, 4096),)),
        Case("every third column 1024x2049", lambda x: x[:, ::3] * 2, (tensor(1024, 2049),)),
        Case("flipped rows 1024x2048", lambda x: x.flip(-1) + 1, (tensor(1024, 2048),)),
        Case("chain 1M", chain, (tensor(1 << 20),)),
        Case("chain 999999", chain, (tensor(999_999),)),
        Case("exp 1M", torch.exp, (tensor(1 << 20),)),
        Case("sin+tanh 1M", lambda x: x.sin() + x.tanh(), (tensor(1 << 20),)),
        Case("add 1M", torch.add, (tensor(1 << 20), tensor(1 << 20))),
        Case("add bf16 1M", torch.add, (tensor(1 << 20, dtype=low), tensor(1 << 20, dtype=low))),
        Case("masks 1M", masks, (tensor(1 << 20), tensor(1 << 20))),
        Case("where 1M", lambda m, x, y: torch.where(m, x, y * 2),
             (tensor(1 << 20) > 0, tensor(1 << 20), tensor(1 << 20))),
        Case("int64 chain 1M", lambda x: (x * 3 + 1) & 255, (torch.randint(1000, (1 << 20,)),)),
        Case("float to uint8 1M", lambda x: (x * 255).to(torch.uint8), (torch.rand(1 << 20),)),
        Case("embedding+layer norm 4096x768", embed,
             (torch.randint(30000, (4096,)), tensor(30000, 768), *wide)),
        Case("gather 1024x1024", lambda x, i: x.gather(1, i),
             (tensor(1024, 1024), torch.randint(1024, (1024, 1024)))),
        Case("cat 1024x1536", lambda x, y: torch.cat([x, y * 2], 1),
             (tensor(1024, 768), tensor(1024, 768))),
        Case("pad 64x128x128", lambda x: F.pad(x, (1, 1, 1, 1)), (tensor(64, 128, 128),)),
        Case("max pool 16x64x56x56", lambda x: F.max_pool2d(x, 3, 2, 1),
             (tensor(16, 64, 56, 56),)),
        Case("mean pool 16x512x7x7", lambda x: x.mean((2, 3)), (tensor(16, 512, 7, 7),)),
        Case("x+1, 16 elements", lambda x: x + 1, (tensor(16),)),
    ]  # fmt: skip


def run(names: list[str], *, inductor: bool, seconds: float) -> None:
    """Print a table of the cases whose name contains one of `names` (all of them for none)."""
    copy_rate = copy_bandwidth(seconds)
    table = Table(title=f"copy: {copy_rate:.1f} GB/s, {torch.get_num_threads()} threads")
    for heading in ("case", "eager us", "fxlower us", "GB/s", "eager/", "inductor/", "error"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    for case in cases():
        if not names or any(n in case.name for n in names):
            add_row(table, case, inductor, seconds)
    Console(width=110).print(table)


def copy_bandwidth(seconds: float) -> float:
    """GB/s of a parallel copy between two tensors of 16 MiB, read and written once each."""
    source, target = tensor(1 << 22), tensor(1 << 22)
    times = medians({"copy": lambda: target.copy_(source)}, seconds=seconds)
    return 2 * source.nbytes / times["copy"] / 1e9


def add_row(table: Table, case: Case, inductor: bool, seconds: float) -> None:
    torch._dynamo.reset()
    with torch.set_grad_enabled(case.trains):
        backends = ["fxlower"] + (["inductor"] if inductor else [])
        compiled = {b: torch.compile(case.function, backend=b, dynamic=False) for b in backends}
        runs: dict[str, Callable[..., Any]] = {"eager": case.function, **compiled}
        error = largest_error(case, runs)
        inputs = case.inputs
        times = medians({name: lambda f=f: f(*inputs) for name, f in runs.items()}, seconds=seconds)
        results = case.function(*inputs)
    results = results if isinstance(results, tuple) else (results,)
    moved = sum(t.nbytes for t in (*case.inputs, *results))
    if case.name.startswith("embedding"):
        moved += results[0].nbytes - case.inputs[1].nbytes
    own = times["fxlower"]
    table.add_row(
        case.name,
        f"{times['eager'] * 1e6:.1f}",
        f"{own * 1e6:.1f}",
        f"{moved / own / 1e9:.1f}",
        f"{times['eager'] / own:.2f}x",
        f"{times['inductor'] / own:.2f}x" if inductor else "-",
        f"{error:.0e}" + (" WRONG" if error > CHECK_ERROR else ""),
    )


def largest_error(case: Case, runs: dict[str, Callable[..., Any]]) -> float:
    """Of fxlower against eager mode, relative to the largest element; compiles all of `runs`."""
    found: dict[str, list[torch.Tensor]] = {}
    for name, function in runs.items():
        inputs = tuple(t.clone() for t in case.inputs) if case.mutates else case.inputs
        results = function(*inputs)
        results = results if isinstance(results, tuple) else (results,)
        found[name] = [t.detach().double() for t in results]
    return max(
        ((a - b).abs().max() / b.abs().max().clamp(min=1e-30)).item()
        for a, b in zip(found["fxlower"], found["eager"])
    )
