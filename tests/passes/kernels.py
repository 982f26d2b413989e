"""Kernels in text, compiled and run on numpy arrays: what the tests of the loop passes share."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Mapping, Sequence

import numpy as np

from tests.kernel_runner import run_kernel

PASSES = "choose-schedule,convert-linalg-to-scf,convert-tile-to-vector,peel-borders,vectorize"

NUMPY = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "bf16": np.uint16,
    "i1": np.bool_,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
}


def tensor(element: str, dims: Sequence[int | str]) -> str:
    """The text of a tensor type."""
    shape = "".join(f"{d if isinstance(d, int) else '?'}x" for d in dims)
    if all(isinstance(d, int) for d in dims):
        return f"tensor<{shape}{element}>"
    encoding = ", ".join(f"{d} : i64" if isinstance(d, int) else f'"{d}"' for d in dims)
    return f"tensor<{shape}{element}, [{encoding}]>"


class KernelText:
    """Writes a kernel op by op.

    `k.input("x", "f32", (4, 8))` and `k.generic(...)` return names; `k.text(results)` is the whole.
    """

    def __init__(self, machine: str = "host", schedule: str = "") -> None:
        self.machine = machine
        self.schedule = schedule
        self.arguments: list[str] = []
        self.symbols: list[str] = []
        self.lines: list[str] = []
        self.types: dict[str, tuple[str, tuple[int | str, ...]]] = {}
        self.count = 0

    def input(
        self,
        name: str,
        element: str,
        dims: Sequence[int | str],
        strides: Sequence[int | str] | None = None,
    ) -> str:
        attribute = ""
        if strides is not None:
            texts = [f"{s} : i64" if isinstance(s, int) else f'"{s}"' for s in strides]
            attribute = f" {{fxt.strides = [{', '.join(texts)}]}}"
        self.arguments.append(f"%{name}: {tensor(element, dims)}{attribute}")
        self.types[name] = (element, tuple(dims))
        return name

    def symbol(self, name: str) -> None:
        self.symbols.append(name)

    def name(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def empty(self, element: str, dims: Sequence[int | str]) -> str:
        name = self.name()
        dynamic = ", ".join(f"%{d}" for d in dims if isinstance(d, str))
        self.lines.append(f"%{name} = tensor.empty({dynamic}) : {tensor(element, dims)}")
        self.types[name] = (element, tuple(dims))
        return name

    def fill(self, value: str, element: str, dims: Sequence[int | str]) -> str:
        empty, name, scalar = self.empty(element, dims), self.name(), self.name()
        type_ = tensor(element, dims)
        constant = value if value in ("true", "false") else f"{value} : {element}"
        self.lines.append(f"%{scalar} = arith.constant {constant}")
        self.lines.append(
            f"%{name} = linalg.fill ins(%{scalar} : {element}) outs(%{empty} : {type_}) -> {type_}"
        )
        self.types[name] = (element, tuple(dims))
        return name

    def generic(
        self,
        inputs: Sequence[tuple[str, str]],
        element: str,
        dims: Sequence[int | str],
        out: str,
        body: str,
        *,
        rank: int | None = None,
        init: str | None = None,
    ) -> str:
        """Maps are strings of digits: ("x", "02") reads x[d0, d2]. `body` uses %a, %b, ... for
        the inputs and %o for the output, and ends in the value it yields: "...; %r"."""
        rank = len(dims) if rank is None else rank
        if init is None:
            init = self.empty(element, dims)
        name = self.name()
        space = ", ".join(f"d{i}" for i in range(rank))
        maps = [m for _, m in inputs] + [out]
        texts = [f"affine_map<({space}) -> ({', '.join('d' + d for d in m)})>" for m in maps]
        iterators = ["parallel" if str(i) in out else "reduction" for i in range(rank)]
        types = [self.types[v] for v, _ in inputs]
        block = [f"%{chr(97 + i)}: {t[0]}" for i, t in enumerate(types)] + [f"%o: {element}"]
        *statements, result = [s.strip() for s in body.split(";")]
        ins = ""
        if inputs:
            names = ", ".join(f"%{v}" for v, _ in inputs)
            ins = f" ins({names} : {', '.join(tensor(*t) for t in types)})"
        self.lines.append(
            f"%{name} = linalg.generic {{indexing_maps = [{', '.join(texts)}], iterator_types = "
            f"[{', '.join(chr(34) + i + chr(34) for i in iterators)}]}}{ins} "
            f"outs(%{init} : {tensor(element, dims)}) {{\n  ^bb0({', '.join(block)}):\n    "
            + "\n    ".join([*statements, f"linalg.yield {result} : {element}"])
            + f"\n  }} -> {tensor(element, dims)}"
        )
        self.types[name] = (element, tuple(dims))
        return name

    def insert(self, source: str, into: str, offsets: Sequence[int | str]) -> str:
        name = self.name()
        element, dims = self.types[source]
        offset, size = (
            ", ".join(str(v) if isinstance(v, int) else f"%{v}" for v in values)
            for values in (offsets, dims)
        )
        ones = ", ".join("1" for _ in dims)
        self.lines.append(
            f"%{name} = tensor.insert_slice %{source} into %{into}[{offset}] [{size}] [{ones}] : "
            f"{tensor(element, dims)} into {tensor(*self.types[into])}"
        )
        self.types[name] = self.types[into]
        return name

    def text(self, *results: str, strides: Sequence[Sequence[int] | None] = ()) -> str:
        arguments = self.arguments + [f'%{s}: index {{fxt.symbol = "{s}"}}' for s in self.symbols]
        types: list[str] = []
        for i, result in enumerate(results):
            attribute = ""
            if i < len(strides) and strides[i] is not None:
                texts = ", ".join(f"{s} : i64" for s in strides[i] or ())
                attribute = f" {{fxt.strides = [{texts}]}}"
            types.append(tensor(*self.types[result]) + attribute)
        names = ", ".join(f"%{r}" for r in results)
        returned = ", ".join(tensor(*self.types[r]) for r in results)
        lines = "\n  ".join(self.lines)
        schedule = f", fxlower.schedule = {self.schedule}" if self.schedule else ""
        return (
            f'builtin.module attributes {{fxlower.machine = "{self.machine}"}} {{\n'
            f"func.func @kernel({', '.join(arguments)}) -> ({', '.join(types)}) "
            f'attributes {{fxlower.kernel = "loops"{schedule}}} {{\n  {lines}\n'
            f"  func.return {names} : {returned}\n}}\n}}\n"
        )


def guarded(array: np.ndarray) -> np.ndarray:
    """A copy that ends where readable memory ends, so that a read past it is a crash."""
    pages = (array.nbytes + mmap.PAGESIZE - 1) // mmap.PAGESIZE + 1
    memory = mmap.mmap(-1, pages * mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    end = (pages - 1) * mmap.PAGESIZE
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address + end), mmap.PAGESIZE, 0) == 0
    made = np.frombuffer(memory, dtype=array.dtype, count=array.size, offset=end - array.nbytes)
    made = made.reshape(array.shape)
    made[...] = array
    return made


def run(
    text: str,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    symbols: Mapping[str, int] | None = None,
    *,
    trap: bool = False,
) -> int:
    """Runs `@kernel` on arrays as they lie in memory; the trap it raised."""
    raised = np.zeros(1, np.int64)
    arrays = [*inputs, *outputs, *([raised] if trap else [])]
    run_kernel(text, "kernel", [*arrays, *(symbols or {}).values()], PASSES)
    return int(raised[0])


def random(dims, element="f32", seed=0):
    generator = np.random.default_rng(seed)
    if element == "i1":
        return generator.integers(0, 2, dims).astype(np.bool_)
    if element.startswith("i"):
        return generator.integers(-50, 50, dims).astype(NUMPY[element])
    return generator.standard_normal(dims).astype(NUMPY[element])


def check(text, inputs, expected, symbols=None, rtol=2e-6, atol=1e-6, **options):
    """Runs with guarded arrays, and compares every result."""
    outputs = [guarded(np.zeros_like(e)) for e in expected]
    inputs = [guarded(np.asarray(i)) for i in inputs]
    trap = run(text, inputs, outputs, symbols, **options)
    for found, wanted in zip(outputs, expected):
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol)
    return trap
