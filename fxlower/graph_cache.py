"""Whole graphs from an earlier process: what AOTAutograd made, with the machine code of fxlower.

torch keeps the results of AOTAutograd on disk for backends whose compilers return `OutputCode`
(`torch._functorch._aot_autograd.autograd_cache`). A second process that finds one neither traces
the graph nor compiles it, and `torch.compiler.save_cache_artifacts` carries it to other machines.

    with kept(salt):
        compiler = SerializableAOTDispatchCompiler(KeptGraph, compile)
        aot_autograd(fw_compiler=compiler, ...)(gm, inputs)

Three things of torch's are other ones meanwhile, for what this backend compiles only:

- the key (`fxlower.graph_key`). torch's is of the graph and of Inductor's state, and does not say
  which backend compiled it; to make it takes a second of imports that only Inductor needs;
- the backward is compiled with the forward, not when it is first called: only then are both saved;
- entries are read only after their checksum, which is their name, was compared: they are pickles.

What cannot be kept is compiled as without a cache.
"""

from __future__ import annotations

import ctypes
import functools
import io
import logging
import pickle
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch
from torch._dynamo.utils import counters
from torch._functorch import config as functorch_config
from torch._functorch._aot_autograd import autograd_cache
from torch._functorch._aot_autograd.autograd_cache import (
    AOTAutogradCache,
    BypassAOTAutogradCache,
)
from torch._inductor.codecache import sha256_hash
from torch._inductor.output_code import OutputCode
from torch._ops import OpOverload
from torch.fx import GraphModule
from torch.utils._python_dispatch import _disable_current_modes

from fxlower import graph_key
from fxlower.fingerprint import facts_digest
from fxlower.options import Options
from fxlower.runtime.fingerprint import machine_facts
from fxlower.runtime.loading import CompiledGraph, load_executable
from fxlower.runtime.object_cache import (
    Damaged,
    digest,
    make_private,
    objection_to,
    sealed,
    unsealed,
)

log = logging.getLogger(__name__)

FORMAT = "1"
PREFIX = f"{autograd_cache.AOTAUTOGRAD_CACHE_PREFIX}fxlower_"
"""Of our keys, which are names of folders in torch's cache."""

LARGEST_CONSTANT = 1 << 26
"""Bytes of a tensor that a graph holds; with larger ones it is not kept."""


class NotKept(Exception):
    """The graph holds something that has no meaning in another process."""


# ------------------------------------------------------------------------- graphs as bytes


@dataclass
class KeptGraph(OutputCode):
    """A compiled graph that torch can save: `compiled` is what it is made of."""

    executable: Any = None
    compiled: CompiledGraph | None = None
    data: bytes = b""

    def __post_init__(self) -> None:
        self._boxed_call = True  # in the instance, where functools.wraps finds it
        self.run: Any = getattr(self.executable, "direct", self.executable)

    def __call__(self, inputs: Any) -> Any:
        return self.run(inputs)

    def prepare_for_serialization(self) -> None:
        if self.compiled is None:
            raise BypassAOTAutogradCache("fxlower did not compile all of the graph")
        try:
            self.data = to_bytes(self.compiled)
        except NotKept as reason:
            raise BypassAOTAutogradCache(f"fxlower cannot save the graph: {reason}") from None
        self.executable = self.run = self.compiled = None

    def post_compile(self, example_inputs: Any, constants: Any, graph_kwargs: Any) -> None:
        self.executable = load_executable(from_bytes(self.data))
        self.run = self.executable.direct
        self.data = b""
        counters["fxlower"]["graphs_from_cache"] += 1

    def set_triton_bundle(self, triton_bundle: Any) -> None:
        """There are no Triton kernels."""


def to_bytes(graph: CompiledGraph) -> bytes:
    """A graph as bytes.

    Raises:
        NotKept: part of it exists in this process only.
    """
    if any(number >= len(graph.plan.tensor_inputs) for number in graph.plan.written):
        raise NotKept("it changes a tensor that it holds")
    written = io.BytesIO()
    _Pickler(written, protocol=5).dump(graph)
    return sealed({"machine": digest(machine_facts(graph.machine))}, written.getvalue())


def from_bytes(data: bytes) -> CompiledGraph:
    """The graph again.

    Raises:
        Damaged: the bytes are not those that were written, or are for another machine or version.
    """
    header, content = unsealed(data)
    graph = None
    with _disable_current_modes():
        graph = pickle.loads(content)
    if header["machine"] != digest(machine_facts(graph.machine)):
        raise Damaged("it was compiled for another machine, or by another version")
    return graph


class _Pickler(pickle.Pickler):
    """Pickles plans: data of fxlower's, and of torch's what has a name or a value."""

    def reducer_override(self, obj: Any, /) -> Any:
        if isinstance(obj, OpOverload):
            return operator_named, (obj._schema.name, obj._overloadname)
        if type(obj) in (torch.Tensor, torch.nn.Parameter):
            return tensor_of, description(obj)
        if isinstance(obj, (FunctionType, BuiltinFunctionType, type)):
            module = obj.__module__ or "torch"  # torch's own builtins have none
        else:
            module = type(obj).__module__
        allowed = module.partition(".")[0] in ("builtins", "fxlower", "sympy", "torch")
        if not allowed or isinstance(obj, _OF_ONE_PROCESS):
            raise NotKept(f"it holds a {type(obj).__name__}")
        return NotImplemented


_OF_ONE_PROCESS = (
    torch.Tensor,
    torch.Generator,
    torch.ScriptObject,
    torch.nn.Module,
    torch._ops.HigherOrderOperator,
    torch._ops.OpOverloadPacket,
    torch.SymInt,
    torch.SymFloat,
    torch.SymBool,
)


def operator_named(name: str, overload: str) -> OpOverload:
    namespace, _, packet = name.partition("::")
    return getattr(getattr(getattr(torch.ops, namespace), packet), overload or "default")


Description = tuple[bytes, torch.dtype, tuple[int, ...], tuple[int, ...]]


def description(tensor: torch.Tensor) -> Description:
    """A constant as its memory, dtype, sizes and strides."""
    is_plain = tensor.layout is torch.strided and tensor.device.type == "cpu"
    if not is_plain or tensor.is_quantized or tensor.is_neg() or tensor.is_conj():
        raise NotKept("it holds a tensor of a special kind")
    sizes, strides = tuple(tensor.shape), tuple(tensor.stride())
    extent = 1 + sum((n - 1) * s for n, s in zip(sizes, strides)) if tensor.numel() else 0
    size = extent * tensor.element_size()
    if size > LARGEST_CONSTANT:
        raise NotKept("it holds a large tensor")
    memory = ctypes.string_at(tensor.data_ptr(), size) if size else b""
    return memory, tensor.dtype, sizes, strides


def tensor_of(
    memory: bytes, dtype: torch.dtype, sizes: tuple[int, ...], strides: tuple[int, ...]
) -> torch.Tensor:
    flat = torch.empty(len(memory) // dtype.itemsize, dtype=dtype)
    ctypes.memmove(flat.data_ptr(), memory, len(memory))
    return (
        flat.as_strided(sizes, strides)
        if memory
        else torch.empty_strided(sizes, strides, dtype=dtype)
    )


# ------------------------------------------------------------------------- torch's cache


_SALT: ContextVar[str | None] = ContextVar("fxlower_salt", default=None)
"""In a compilation by this backend whose result may be kept: what the key is to say besides the
graph."""


def salt_of(options: Options) -> str:
    """All that a compiled graph depends on besides the graph and torch's settings."""
    git = torch.version.git_version
    return digest(FORMAT, facts_digest(options), torch.__version__, git, sys.version)


def is_switched_on() -> bool:
    """Whether torch's cache may be used: by its switches, and by who may write to its folder."""
    if not autograd_cache.should_use_local_autograd_cache():
        return False
    return _is_private(folder())


@functools.cache
def _is_private(place: Path) -> bool:
    with suppress(OSError):
        make_private(place)
    reason = objection_to(place)
    if reason is not None:
        log.warning("torch's cache %s is not used: %s", place, reason)
    return reason is None


@contextmanager
def kept(salt: str) -> Iterator[None]:
    """What AOTAutograd compiles meanwhile is looked up in torch's cache, and saved there."""
    _install()
    token = _SALT.set(salt)
    try:
        with functorch_config.patch(
            bundled_autograd_cache=True, force_non_lazy_backward_lowering=True
        ):
            yield
    finally:
        _SALT.reset(token)


@functools.cache
def _install() -> None:
    """Put our functions in the place of torch's, which they call for all other backends. They stay:
    threads that compile at once could not take turns."""
    autograd_cache.autograd_cache_key = _key
    AOTAutogradCache.iterate_over_candidates = classmethod(_candidates)  # type: ignore[assignment]


def folder() -> Path:
    """Where torch keeps graphs."""
    return Path(AOTAutogradCache._get_tmp_dir())


def files() -> list[Path]:
    """The entries that are of this backend."""
    return sorted(f for f in folder().glob(f"{PREFIX}*/*") if not f.name.startswith("."))


def clear() -> int:
    """Remove these; how many they were."""
    found = files()
    for entry in {file.parent for file in found}:
        shutil.rmtree(entry, ignore_errors=True)
    return len(found)


_torch_key = autograd_cache.autograd_cache_key
_torch_candidates = AOTAutogradCache.iterate_over_candidates.__func__  # type: ignore[attr-defined]


def _candidates(cls: Any, local: bool, remote_cache: Any, key: str) -> Iterator[Any]:
    """As torch's, after files that are damaged were removed: they are named by their checksums."""
    if local and _SALT.get() is not None:
        with suppress(OSError):
            for file in Path(cls._get_tmp_dir_for_key(key)).iterdir():
                remove_if_damaged(file)
    return _torch_candidates(cls, local, remote_cache, key)


def remove_if_damaged(file: Path) -> bool:
    """Remove an entry of torch's cache that is not what was written."""
    if file.name.startswith("."):  # being written
        return False
    with suppress(OSError):
        if sha256_hash(file.read_bytes()) == file.name:
            return False
        log.info("%s is damaged and made anew", file)
        file.unlink()
    return True


def _key(mod: Any, example_inputs: Sequence[Any], config: Any, extra: Any = None) -> Any:
    """In place of torch's `autograd_cache_key`."""
    salt = _SALT.get()
    if salt is None:  # another backend
        return _torch_key(mod, example_inputs, config, extra)
    gm = mod if isinstance(mod, GraphModule) else mod.gm
    words = graph_key.graph(gm, example_inputs), graph_key.call(config, example_inputs)
    name = digest(salt, repr(words))
    return PREFIX + name, []
