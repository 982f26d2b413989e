"""Options of a compilation: one frozen value, read from `torch.compile(options=...)` and from
`FXLOWER_*` variables here and nowhere else."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from fxlower.errors import OptionError
from fxlower.targets.machines import machine


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may set. Each field is also the variable `FXLOWER_<FIELD>` in upper case; what
    `torch.compile(options=...)` says wins over the variable.

    Attributes:
        fallback: what becomes of an operator without a lowering: "aten" runs it in eager mode,
            "error" raises `UnsupportedGraph` that names all of them.
        on_error: what becomes of a bug in fxlower that ends a compilation: "raise" raises a
            `CompilerError` that names a file and the command that repeats it, "fallback" runs the
            graph in eager mode, with that text as a warning.
        machine: the target, by name; code runs only where the running CPU has its features.
        dump_ir: folder for one numbered file per graph and stage, or None. Files that errors name
            are written there too, else to the system's folder for temporary files.
        packed_weights: what becomes of parameters that products want in another layout, where no
            gradients are wanted: "checked" keeps a packed copy and looks at each call whether
            the parameter has changed, by its address and version counter. Neither tells of writes
            through `.data`, by NumPy, by other processes, or by functions of torch that do not
            increment it (`torch._fused_adamw_` and its like, but for `torch.optim`'s): call
            `torch.autograd.graph.increment_version` after these. "constant" never looks; "never"
            packs at each call, as happens for subclasses of tensors and once torch.distributed is
            initialized, whose collectives do not increment it either.
        packed_weights_bytes: at most so many bytes of parameters of a graph are kept packed.
        autotune: measure schedules of each matrix product that is compiled, once on a machine, and
            use the fastest. Results differ from others by rounding.
        cache: keep what is compiled on disk and use it in later processes; see docs/design.md,
            section 9. torch's own switches count too (`TORCHINDUCTOR_FORCE_DISABLE_CACHES`, and for
            whole graphs `TORCHINDUCTOR_AUTOGRAD_CACHE`).
        cache_bytes: how large that may become; what was not used for longest is removed.
        cache_dir: folder for what is compiled or measured; None is the user's own for caches.
        output_pool: keep the memory of large results for the next call (at most 16 GiB, and a
            quarter of the machine's memory) instead of returning it to the system.
        timing: print where the compile time went, by stage, after each graph.
        profile: count the calls and the time of every kernel, operator in eager mode and graph;
            `fxlower.profiles()` is what has been counted. Costs less than 0.1 us for each call of a
            kernel, and about 2 us for each of a graph.
        perf_map: name kernels in the file that Linux's `perf` reads, `perf-PID.map`: all code that
            is loaded from then on, so best set as a variable.
        progress: show how many kernels are compiled, on a terminal, once a compilation takes longer
            than two seconds. Off by default where the variable `CI` is set.
        verify_each: verify the IR after every pass. Slower than the passes themselves.
    """

    fallback: str = "aten"
    on_error: str = "raise"
    machine: str = "host"
    dump_ir: str | None = None
    packed_weights: str = "checked"
    packed_weights_bytes: int = 16 << 30
    autotune: bool = False
    cache: bool = True
    cache_bytes: int = 2 << 30
    cache_dir: str | None = None
    output_pool: bool = True
    timing: bool = False
    profile: bool = False
    perf_map: bool = False
    progress: bool = True
    verify_each: bool = False

    def __post_init__(self) -> None:
        if self.fallback not in FALLBACKS:
            raise OptionError(
                f"option 'fallback' must be one of {', '.join(FALLBACKS)}, got {self.fallback!r}"
            )
        if self.on_error not in ON_ERROR:
            raise OptionError(
                f"option 'on_error' must be one of {', '.join(ON_ERROR)}, got {self.on_error!r}"
            )
        if self.packed_weights not in PACKED_WEIGHTS:
            raise OptionError(
                f"option 'packed_weights' must be one of {', '.join(PACKED_WEIGHTS)}, "
                f"got {self.packed_weights!r}"
            )
        for name in ("packed_weights_bytes", "cache_bytes"):
            if (value := getattr(self, name)) < 0:
                raise OptionError(f"option '{name}' must be at least 0, got {value}")
        machine(self.machine)  # raises, and lists the machines, if there is none of this name

    @classmethod
    def read(cls, given: Mapping[str, Any] | None = None) -> Options:
        """Options from the environment, overridden by `given`.

        Raises:
            OptionError: an unknown name or a value of the wrong type; lists the valid ones.
        """
        fields = {f.name: f for f in dataclasses.fields(cls)}
        values: dict[str, Any] = {"progress": False} if os.environ.get("CI") else {}
        for name in fields:
            variable = f"FXLOWER_{name.upper()}"
            if (text := os.environ.get(variable)) is not None:
                values[name] = _parse(variable, text, TYPES[name])
        for name, value in (given or {}).items():
            if name not in fields:
                near = difflib.get_close_matches(name, fields, n=1)
                hint = f" (did you mean '{near[0]}'?)" if near else ""
                raise OptionError(
                    f"unknown option '{name}'{hint}; there are: {', '.join(sorted(fields))}"
                )
            if not _fits(value, TYPES[name]):
                raise OptionError(
                    f"option '{name}' must be {describe(TYPES[name])}, "
                    f"got {type(value).__name__} {value!r}"
                )
            values[name] = os.fspath(value) if isinstance(value, os.PathLike) else value
        return cls(**values)


def cache_folder(cache_dir: str | None) -> Path:
    """The folder named by the option `cache_dir`, or the user's own for caches."""
    if not cache_dir:
        return platformdirs.user_cache_path("fxlower")
    return Path(cache_dir).expanduser()


FALLBACKS = ("aten", "error")
ON_ERROR = ("raise", "fallback")
PACKED_WEIGHTS = ("checked", "constant", "never")

TYPES: dict[str, tuple[type, ...]] = {
    "fallback": (str,),
    "on_error": (str,),
    "machine": (str,),
    "dump_ir": (str, os.PathLike, type(None)),
    "packed_weights": (str,),
    "packed_weights_bytes": (int,),
    "autotune": (bool,),
    "cache": (bool,),
    "cache_bytes": (int,),
    "cache_dir": (str, os.PathLike, type(None)),
    "output_pool": (bool,),
    "timing": (bool,),
    "profile": (bool,),
    "perf_map": (bool,),
    "progress": (bool,),
    "verify_each": (bool,),
}


def describe(types: tuple[type, ...]) -> str:
    names = {
        str: "a string",
        int: "an integer",
        bool: "a bool",
        os.PathLike: "a path",
        type(None): "None",
    }
    return " or ".join(names[t] for t in types)


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _parse(variable: str, text: str, types: tuple[type, ...]) -> Any:
    if types == (int,):
        try:
            return int(text)
        except ValueError:
            raise OptionError(f"{variable} must be an integer, got {text!r}") from None
    if types != (bool,):
        return text
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off", ""):
        return False
    raise OptionError(f"{variable} must be 0 or 1, got {text!r}")
