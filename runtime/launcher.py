"""The native launcher: from a call in Python to the machine code of a segment, and back.

    launch = segment_function(launcher(), call, address)
    result, other = launch(x, weight, s0, 16 * s0)

One function in LLVM IR serves every segment: what differs is in a descriptor. It reads the data
pointers of its operands, allocates the results, takes an arena, fills the segment's table, calls
it, and wraps the results. A tensor's handle is borrowed from its Python object, where it lies at an
offset that is looked for when the launcher is first needed; results are allocated through the C
interface of libtorch_cpu and wrapped by libtorch_python.

The launcher knows plain tensors and parameters in memory. For anything else (fake tensors,
subclasses, tensors inside a transform), when memory is out, and where a symbol or the offset is not
found, the same call goes to the segment's twin in Python, `SegmentCall`, with the same arguments.
"""

from __future__ import annotations

import ctypes
import sys
import weakref
from array import array
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from fxlower.runtime import jit
from fxlower.runtime.launcher_text import (
    ARENAS,
    EXPORTS,
    FREE_ARENAS,
    LAUNCH,
    RELEASE_OWNER,
    TEXT,
    UNCHANGED,
    WRAP,
)
from fxlower.runtime.segment import TRAPS, SegmentCall

PYTHON = (
    "PyBool_FromLong",
    "PyCapsule_GetContext",
    "PyCapsule_GetPointer",
    "PyErr_Clear",
    "PyErr_Occurred",
    "PyErr_SetString",
    "PyEval_RestoreThread",
    "PyEval_SaveThread",
    "PyLong_AsLongLong",
    "PyObject_GetAttr",
    "PyObject_Vectorcall",
    "PyTuple_New",
    "PyTuple_SetItem",
    "Py_DecRef",
    "Py_IncRef",
)
TORCH = ("aoti_torch_delete_tensor_object", "aoti_torch_empty_strided", "aoti_torch_get_data_ptr")
LIBC = ("free", "posix_memalign")


class Launcher:
    """The launcher in memory. `segment_function` and `unchanged_function` make use of it."""

    def __init__(self, code: jit.LoadedCode) -> None:
        self.code = code
        self.methods = {
            name: MethodDef(name.encode(), code.address(name), METH_FASTCALL, None)
            for name in (LAUNCH, UNCHANGED)
        }
        unknown = RuntimeError, "native code reports an unknown error"
        traps = [TRAPS.get(number, unknown) for number in range(max(TRAPS) + 1)]
        self.traps = array("q", [word for trap in traps for word in trap_words(*trap)])
        self.users: list[None] = []  # as many as there are: `append` and `pop` are atomic

    def function(self, name: str, words: array[int], owns: Sequence[object]) -> Callable[..., Any]:
        """A Python function: `name` with a descriptor of `words`. It keeps alive `owns`, to which
        they point."""
        owner = (words, *owns)
        capsule = new_capsule(words.buffer_info()[0], None, self.code.address(RELEASE_OWNER))
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(owner))
        set_context(capsule, id(owner))
        return new_function(ctypes.byref(self.methods[name]), capsule, None)

    def hold_arenas(self, user: object) -> None:
        """Free all arenas when the last of the users is gone."""
        self.users.append(None)
        weakref.finalize(user, self._leave).atexit = False

    def _leave(self) -> None:
        self.users.pop()
        if not self.users:
            jit.call(self.code.address(FREE_ARENAS), ())


def segment_function(launcher: Launcher, call: SegmentCall, address: int) -> Callable[..., Any]:
    """`call` by machine code: the entry of its segment is at `address`."""
    layout = call.layout
    step = layout.step
    known = array("q", layout.known)
    first = len(step.operands)
    places = array("q", [n for word, number in layout.places for n in (word, first + number)])
    results = array("q")
    for i, (buffer, at) in enumerate(zip(step.results, layout.results, strict=True)):
        dtype = dtype_number(buffer.dtype)
        if dtype is None:
            return call
        results.extend(
            [at.pointer, at.sizes, at.strides, buffer.rank, dtype, layout.given(i)],
        )
    words = array(
        "q",
        [
            address,
            len(step.operands),
            layout.arguments,
            len(known),
            known.buffer_info()[0],
            len(layout.places),
            places.buffer_info()[0],
            len(step.results),
            results.buffer_info()[0],
            layout.arena,
            layout.arena_bytes,
            layout.given_arena,
            layout.trap,
            int(layout.is_long),
            id(call),
            id(torch.Tensor),
            id(torch.nn.Parameter),
            launcher.traps.buffer_info()[0],
            id(None),
        ],
    )
    return launcher.function(LAUNCH, words, (call, known, places, results))


ANY = -1
"""For an address, a version or a count: it is not compared."""


def unchanged_function(
    launcher: Launcher,
    weights: Sequence[torch.Tensor],
    places: Sequence[tuple[int, int]],
    count: int,
    steps: array[int],
) -> Callable[..., bool]:
    """A function of as many tensors: whether they are these very `weights`, of the address and
    version in `places`, and `steps[0]`, which counts what changes weights without a new version, is
    still `count`. `ANY` is not compared."""
    known = array("q")
    for weight, (address, version) in zip(weights, places, strict=True):
        known.extend([id(weight), address, version])

    def forget(_: object) -> None:
        known[:] = array("q", [0] * len(known))  # its place in memory may become another tensor's

    watched = [weakref.ref(weight, forget) for weight in weights]
    words = array(
        "q",
        [
            len(weights),
            known.buffer_info()[0],
            steps.buffer_info()[0],
            count,
            id(torch.Tensor),
            id(torch.nn.Parameter),
            id(VERSION),
        ],
    )
    return launcher.function(UNCHANGED, words, (known, steps, watched, VERSION))


VERSION = sys.intern("_version")

METH_FASTCALL = 0x80


class MethodDef(ctypes.Structure):
    """`PyMethodDef` of CPython."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


@cache
def dtype_number(dtype: torch.dtype) -> int | None:
    """`c10::ScalarType` of a dtype; None if the C interface has no name for it."""
    name = str(dtype).removeprefix("torch.")
    function = getattr(torch_library("torch_cpu"), f"aoti_torch_dtype_{name}", None)
    return None if function is None else function()


def trap_words(exception: type[Exception], message: str) -> tuple[int, int]:
    text = ctypes.create_string_buffer(message.encode())
    _TEXTS.append(text)
    return id(exception), ctypes.addressof(text)


_TEXTS: list[object] = []
"""What native code points to for as long as the process runs."""


# ----------------------------------------------------------------------------- finding it


@cache
def launcher() -> Launcher | None:
    """The launcher of this process, or None where Python or torch are not as it needs them."""
    offsets = object_offsets()
    symbols = needed_symbols()
    if offsets is None or symbols is None:
        return None
    type_offset, handle_offset = offsets
    text = TEXT.substitute(
        arenas=ARENAS, type_offset=type_offset, handle_offset=handle_offset, wrap=WRAP
    )
    code = jit.load(jit.kept_object(text), EXPORTS, symbols)
    return Launcher(code)


def object_offsets() -> tuple[int, int] | None:
    """Where an object of a tensor holds its type, and where the tensor's handle begins; None if
    these are not where CPython with a global lock and torch have them."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None
    samples = [torch.empty(1), torch.nn.Parameter(torch.empty(2))]
    type_offset = object.__basicsize__ - ctypes.sizeof(ctypes.c_void_p)
    if any(word_at(s, type_offset) != id(type(s)) for s in samples):
        return None
    places = range(object.__basicsize__, torch._C.TensorBase.__basicsize__, 8)
    found = [p for p in places if all(word_at(s, p) == s._cdata for s in samples)]
    return (type_offset, found[0]) if len(found) == 1 else None


def word_at(value: object, offset: int) -> int | None:
    return ctypes.c_void_p.from_address(id(value) + offset).value


def needed_symbols() -> dict[str, int] | None:
    """Addresses of what the launcher calls; None if one is missing."""
    places = [
        (ctypes.pythonapi, PYTHON),
        (torch_library("torch_cpu"), TORCH),
        (torch_library("torch_python"), (WRAP,)),
        (ctypes.CDLL(None), LIBC),
    ]
    found: dict[str, int] = {}
    for library, names in places:
        for name in names:
            function = getattr(library, name, None)
            if function is None:
                return None
            address = ctypes.cast(function, ctypes.c_void_p).value
            assert address is not None
            found[name] = address
    return found


@cache
def torch_library(name: str) -> ctypes.CDLL | None:
    for path in sorted(Path(torch.__file__).parent.glob(f"lib/lib{name}.*")):
        if path.suffix in (".so", ".dylib"):
            return ctypes.CDLL(str(path))
    return None


# --------------------------------------------------------------------------- CPython's side


def new_capsule(pointer: int, name: bytes | None, destructor: int) -> object:
    make = ctypes.pythonapi.PyCapsule_New
    make.restype = ctypes.py_object
    make.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return make(pointer, name, destructor)


def set_context(capsule: object, context: int) -> None:
    function = ctypes.pythonapi.PyCapsule_SetContext
    function.argtypes = (ctypes.py_object, ctypes.c_void_p)
    function(capsule, context)


def new_function(method: Any, self: object, module: object) -> Callable[..., Any]:
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = (ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return make(method, self, module)
