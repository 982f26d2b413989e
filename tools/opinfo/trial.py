"""One entry of the database for one dtype: each sample compiled, run and compared."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from time import process_time
from typing import Any

import torch
from torch._dynamo.utils import counters
from torch.testing._internal import common_methods_invocations
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo.core import OpInfo

from fxlower.backend import fxlower, reports
from fxlower.report import GraphReport
from fxlower.tools.opinfo.outcome import Comparison, copied, run, widened
from fxlower.tools.opinfo.samples import Sample, entry_name, samples_of

UNINITIALISED = {
    "empty",
    "empty_like",
    "empty_permuted",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
}
"""Operators of whose results only the shape is defined."""

TOLERANT = (None, "TestCommon", "TestInductorOpInfo")
"""Classes of PyTorch's tests whose tolerances of an operator are taken over."""

CAPTURED = {"capture_scalar_outputs": True, "capture_dynamic_output_shape_ops": True}
"""Of Dynamo's configuration: what depends on data is in the graph, not between two."""

BACKENDS: dict[str, Any] = {"fxlower": fxlower, "aot_eager": "aot_eager", "inductor": "inductor"}


@dataclass
class Record:
    """What became of one sample."""

    check: str
    sample: str
    status: str = "pass"
    """pass, fail, raises (where eager mode does not), or reference: aot_eager fails too; crash and
    hang are those of the process."""

    message: str = ""
    operators: int = 0
    fallbacks: dict[str, str] = field(default_factory=dict)
    """Reasons by operator."""

    graphs: int = 0
    breaks: int = 0
    seconds: float = 0.0
    """Of processor time, for compiling and calling."""

    reference_seconds: float = 0.0
    """What the same calls take under aot_eager, where that was run."""


@cache
def entries() -> dict[str, OpInfo]:
    unseeded()
    return {entry_name(op): op for op in op_db}


def unseeded() -> None:
    """Let operators be called without setting the seed first, which Dynamo does not trace; `run`
    sets it."""

    def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    common_methods_invocations.wrapper_set_seed = call  # type: ignore[attr-defined]


def tolerances_of(op: OpInfo, dtype: torch.dtype) -> dict[torch.dtype, tuple[float, float]]:
    """What OpInfo itself allows in comparisons of compiled code with eager mode."""
    found: dict[torch.dtype, tuple[float, float]] = {}
    for decorate in op.decorators:
        for decorator in getattr(decorate, "decorators", ()):
            for t, tolerance in getattr(decorator, "d", {}).items():
                if getattr(decorate, "cls_name", None) in (
                    None,
                    "TestCommon",
                    "TestInductorOpInfo",
                ):
                    found[t] = (tolerance.rtol, tolerance.atol)
    return found


def isolated(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of its own code object, so that nothing compiled for another call serves it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    call.__code__ = call.__code__.replace(co_name=f"call_{id(call):x}")
    return call


def trials(
    name: str,
    dtype: torch.dtype,
    checks: list[str],
    count: int | None,
    *,
    backend: str,
    timed: bool,
    begin: Callable[[str, str], bool],
) -> Iterator[Record]:
    """The records of one entry. `begin` is told of each before, and may refuse."""
    op = entries()[name]
    if dtype not in op.supported_dtypes("cpu"):
        return
    for check in checks:
        if not begin(check, "samples"):
            continue
        for sample in samples_of(op, dtype, check, count):
            if begin(check, sample.name):
                record = trial(op, dtype, check, sample, backend, timed)
                if record is not None:
                    yield record
        torch._dynamo.reset()


def trial(
    op: OpInfo, dtype: torch.dtype, check: str, sample: Sample, backend: str, timed: bool
) -> Record | None:
    """The record of one sample; None if eager mode refuses it."""
    function: Any = op.inplace_variant if check == "inplace" else op.op
    calls = [sample] + ([sample.later] if sample.later is not None else [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        references: list[Comparison | Exception] = []
        for call in calls:
            try:
                eager = run(function, call)
            except Exception as error:
                references.append(error)
                continue
            references.append(
                Comparison(
                    eager,
                    _judge(function, call, eager.cotangents),
                    tolerances_of(op, dtype),
                    values=op.name not in UNINITIALISED,
                )
            )
        if isinstance(references[0], Exception) and check != "special":
            return None
        record = Record(check, sample.name)
        dynamic = True if check == "dynamic" else None
        attempt(record, function, calls, references, backend, dynamic)
        if backend != "aot_eager" and (timed or record.status != "pass"):
            other = Record(check, sample.name)
            attempt(other, function, calls, references, "aot_eager", dynamic)
            record.reference_seconds = other.seconds
            if other.status == "fail" and record.status == "fail":
                # Not necessarily in the same way: strides may be the graph's, not eager's.
                record.status = "reference"
                record.message += f" | aot_eager: {other.message}"
            elif other.status != "pass" and record.status != "pass":
                record.status = "reference"
                record.message += f" | aot_eager: {other.message}"
    return record


def _judge(function: Any, call: Sample, cotangents: list[Any]) -> Callable[[], Any]:
    return cache(lambda: run(function, call, widened, cotangents))


def attempt(
    record: Record,
    function: Any,
    calls: list[Sample],
    references: list[Comparison | Exception],
    backend: str,
    dynamic: bool | None,
) -> None:
    found: list[GraphReport] = []
    token = reports.set(found)
    counters.clear()
    compiled = torch.compile(isolated(function), backend=BACKENDS[backend], dynamic=dynamic)
    try:
        with torch._dynamo.config.patch(CAPTURED):
            for call, reference in zip(calls, references):
                _compare(record, compiled, call, reference)
                if record.status != "pass":
                    break
    finally:
        reports.reset(token)
    record.graphs = len(found)
    record.breaks = sum(counters["graph_break"].values())
    record.operators = sum(g.operators for g in found)
    record.fallbacks = {str(c.target): c.reason for g in found for c in g.fallbacks}


def _compare(
    record: Record, compiled: Any, call: Sample, reference: Comparison | Exception
) -> None:
    start = process_time()
    try:
        outcome = run(compiled, call)
    except Exception as error:
        record.seconds += process_time() - start
        if not isinstance(reference, Exception):
            record.status = "raises"
            record.message = f"{type(error).__name__}: {error}"[:1500]
        return
    record.seconds += process_time() - start
    if isinstance(reference, Exception):
        record.status = "fail"
        record.message = f"returns, eager raises {type(reference).__name__}: {reference}"[:500]
    elif problem := reference.difference(outcome):
        record.status = "fail"
        record.message = problem[:1500]


def as_json(record: Record) -> dict[str, Any]:
    return asdict(record)


def warm_up() -> None:
    """Pay for imports and first calls before anything is timed."""
    x = torch.ones(3, requires_grad=True)
    for backend in ("fxlower", "aot_eager"):
        sample = Sample("", (x,), {})
        run(torch.compile(isolated(torch.exp), backend=BACKENDS[backend]), sample, copied)
    torch._dynamo.reset()
