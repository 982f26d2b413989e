"""What `fxlower.explain` says of a compiled graph: kernels, fallbacks, and where the time went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.dialects.linalg.ops import GenericOp

from fxlower.analysis.traffic import Traffic, Work, traffic_of, work_of
from fxlower.dialects.build import dims_of
from fxlower.dialects.fxt.call import CallOp
from fxlower.frontend.program import FallbackCall

if TYPE_CHECKING:
    from fxlower.profile_report import GraphProfile
    from fxlower.runtime.peak_memory import PeakMemory


@dataclass
class KernelReport:
    """One kernel: `ops` fused, `loops` as `4096 x [512]` (reduced extents in brackets), `schedule`
    as printed in the IR, `traffic` of one call, `calls` in this graph."""

    name: str
    kind: str
    ops: tuple[str, ...]
    loops: str
    schedule: str
    traffic: Traffic
    calls: int
    cached: str = ""
    """Where its code was found, "in this process" or "on disk"; empty where it was compiled."""
    work: Work | None = None
    sources: tuple[str, ...] = ()
    """What a call does whatever the sizes, and the user's lines, as far as known, that its results
    are from: of graphs that are profiled."""


@dataclass
class GraphReport:
    """One graph: forward, backward or inference."""

    name: str
    operators: int
    kernels: list[KernelReport]
    fallbacks: list[FallbackCall]
    segments: int
    kept: int = 0
    kept_bytes: int = 0
    """Values made of weights that are kept from call to call, and the memory that they take."""
    peak: PeakMemory | None = None
    """The most memory that a call takes at once for results and intermediates."""
    seconds: dict[str, float] = field(default_factory=dict)
    total_seconds: float = 0.0
    profile: GraphProfile | None = None
    """What is counted at run time, under the option `profile`."""

    @property
    def share_in_kernels(self) -> float:
        """Share of the graph's operator calls that fxlower compiled."""
        return 1.0 - len(self.fallbacks) / self.operators if self.operators else 1.0

    @property
    def compiled(self) -> list[KernelReport]:
        """Kernels whose code was made anew."""
        return [k for k in self.kernels if not k.cached]

    @property
    def kernel_calls(self) -> int:
        return sum(k.calls for k in self.kernels)

    def timing_table(self) -> str:
        rows = [
            f"{self.name}: {self.total_seconds * 1e3:.1f} ms in fxlower, {len(self.compiled)} of "
            f"{len(self.kernels)} kernels compiled"
        ]
        rows += [f"  {n:24} {s * 1e3:8.1f} ms" for n, s in self.seconds.items()]
        return "\n".join(rows)

    def __str__(self) -> str:
        unique = len(self.kernels)
        lines = [
            f"{self.name}: {self.operators} operators, {self.share_in_kernels:.1%} of them in "
            f"{self.kernel_calls} kernels ({unique} unique), {len(self.fallbacks)} fall back; "
            f"compiled in {self.total_seconds * 1e3:.0f} ms"
        ]
        for k in sorted(self.kernels, key=lambda k: -k.calls):
            found = f"  (found {k.cached})" if k.cached else ""
            lines.append(f"  {k.calls:4}x {k.name}  [{k.kind}]  {', '.join(k.ops)}{found}")
            schedule = f"  schedule {k.schedule}" if k.schedule else ""
            lines.append(f"        loops {k.loops}{schedule}")
            lines.append(f"        moves {k.traffic}")
        if self.peak is not None and self.peak.bytes:
            lines.append(f"  peak memory {self.peak}")
        if self.kept:
            lines.append(f"  keeps {self.kept} weights packed, {self.kept_bytes / 1e6:.1f} MB")
        for call in self.fallbacks:
            lines.append(f"  eager {call.target}: {call.reason}  at {call.source}")
        return "\n".join(lines)


def describe_kernels(
    kernels: Mapping[str, FuncOp],
    segments: Mapping[str, FuncOp],
    sources: Mapping[str, str] | None = None,
) -> list[KernelReport]:
    """Reports on kernels at stage `linalg`, with the number of their calls in `segments`. Those to
    profile say more, `sources` being the user's line for names of values."""
    calls = [op for s in segments.values() for op in s.walk() if isinstance(op, CallOp)]
    counts = Counter(op.callee.string_value() for op in calls)
    reports = {name: _describe(f, counts[name]) for name, f in kernels.items()}
    if sources is not None:
        lines: dict[str, dict[str, None]] = {name: {} for name in kernels}
        for op in calls:
            known = [s for r in op.results if (s := sources.get(r.name_hint or ""))]
            lines[op.callee.string_value()].update(dict.fromkeys(known))
        for name, report in reports.items():
            report.work, report.sources = work_of(kernels[name]), tuple(lines[name])
    return list(reports.values())


def _describe(function: FuncOp, calls: int) -> KernelReport:
    def text(key: str) -> str:
        attribute = function.attributes.get(key)
        return attribute.data if isinstance(attribute, StringAttr) else str(attribute or "")

    return KernelReport(
        name=function.sym_name.data,
        kind=text("fxlower.kernel"),
        ops=tuple(filter(None, text("fxlower.ops").split(","))),
        loops=_loops(function) or text("fxlower.shape"),
        schedule=text("fxlower.schedule").replace(" : i64", ""),
        traffic=traffic_of(function),
        calls=calls,
    )


def _loops(function: FuncOp) -> str:
    """Extents of the largest loop nest: parallel ones, reduced ones in brackets."""
    best: tuple[int, str] = (-1, "")
    for op in function.walk():
        if not isinstance(op, GenericOp):
            continue
        extents: dict[int, str] = {}
        for value, map_ in zip(op.operands, op.indexing_maps, strict=True):
            for size, expression in zip(dims_of(value.type), map_.data.results, strict=True):
                extents[getattr(expression, "position", -1)] = str(size)
        kinds = [iterator.data.value for iterator in op.iterator_types]
        parts = [
            extents.get(i, "?") if kind == "parallel" else f"[{extents.get(i, '?')}]"
            for i, kind in enumerate(kinds)
        ]
        if len(parts) > best[0]:
            best = (len(parts), " x ".join(parts))
    return best[1]
