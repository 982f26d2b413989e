"""Matrix products beside others' and beside the peak of arithmetic.

Rates and shares are those of fxlower's machine code alone: of the small products the call through
`torch.compile` takes longer than the product. What the caller waits for is in the ratios.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import geometric_mean, median

import torch
from rich.console import Console
from rich.table import Table

from fxlower.targets.host import host
from fxlower.tools.bench import gemm_cases, loops, peers, summary
from fxlower.tools.bench.case import Case, selected
from fxlower.tools.bench.summary import Measured
from fxlower.tuning import roofline
from fxlower.tuning.roofline import LEVELS, Roofline


def cases(names: Sequence[str] = ()) -> list[Case]:
    """Those whose name contains one of `names`; all of them for none."""
    return selected(gemm_cases.cases(), names)


def run(
    names: Sequence[str],
    *,
    with_peers: Sequence[str],
    seconds: float,
    statistic: loops.Statistic = median,
    json: Path | None = None,
    verbose: bool = False,
) -> list[Measured]:
    """Print a table of the cases and what it amounts to; what was measured is returned."""
    console = Console(width=max(170, Console().width))
    print("the machine's limits", file=sys.stderr)
    limits = roofline.measure(min(seconds, 0.5), products=True)
    alternatives = [peers.make(name) for name in with_peers]
    found = loops.measure_all(cases(names), alternatives, limits, seconds, statistic)
    add_reads(found, limits, min(seconds, 0.2))
    console.print(table(found, with_peers, limits))
    console.print(conclusions(found, with_peers, verbose), highlight=False)
    if json is not None:
        json.write_text(summary.as_json(found, with_peers, limits))
    return found


def table(found: Sequence[Measured], peers: Sequence[str], limits: Roofline) -> Table:
    threads = torch.get_num_threads()
    title = (
        f"{threads} threads; FMA peak, GFLOP/s: {limits.operations / 1e9:.0f} in f32 "
        f"({threads} times one core's {limits.core / 1e9:.0f}), {limits.double / 1e9:.0f} in f64; "
        "reads, GB/s: " + ", ".join(f"{limits.reads[n] / 1e9:.0f} in {n}" for n in LEVELS)
    )
    made = Table(title=title, caption="us; ratios of fxlower to others; rates of machine code")
    made.add_column("case", no_wrap=True)
    for heading in ("fxlower", "native", *peers, "GFLOP/s", "peak", "reads", "error"):
        made.add_column(heading, justify="right")
    for m in found:
        missed = summary.is_miss(m, peers)
        made.add_row(*cells(m, peers, limits), style="bold" if missed else None)
    return made


def cells(m: Measured, peers: Sequence[str], limits: Roofline) -> list[str]:
    own, native = m.seconds.get("fxlower"), m.native
    compared = [summary.comparison(m, peer) for peer in peers]
    if own is None:
        return [m.name, "FAILS", "", *compared, *[""] * 4]
    error = f"{m.errors['fxlower']:.0e}" + ("" if m.is_right("fxlower") else " WRONG")
    if not native:  # all of it fell back to eager mode
        return [m.name, f"{own * 1e6:.1f}", "-", *compared, "-", "-", "-", error]
    rate = m.operations / native
    return [
        m.name,
        f"{own * 1e6:.1f}",
        f"{native * 1e6:.1f}",
        *compared,
        f"{rate / 1e9:.1f}",
        f"{rate / peak(m, limits):.0%}",
        "-" if m.reads is None else f"{m.moved / native / m.reads:.0%}",
        error,
    ]


def peak(m: Measured, limits: Roofline) -> float:
    """Operations per second of fused multiply-adds: f64's where that is computed in, else f32's,
    which instructions for shorter types may exceed."""
    return limits.double if m.dtype == "float64" else limits.operations


def add_reads(found: Sequence[Measured], limits: Roofline, seconds: float) -> None:
    """Measure how fast as much data is read as the product needs, where reading that once takes
    longer than computing: with few rows, above all one. At the very size, as a last-level cache
    still holds a part of what is twice as large."""
    threads = torch.get_num_threads()
    code, known = roofline.load_read(host()), dict[int, float]()
    for m in found:
        if m.moved / limits.reads[m.level] >= m.operations / peak(m, limits):
            if m.moved not in known:
                known[m.moved] = roofline.read_rate(code, m.moved // threads, threads, seconds)
            m.reads = known[m.moved]


def conclusions(found: Sequence[Measured], peers: Sequence[str], verbose: bool = False) -> str:
    lines = [*summary.means(found, peers), "", *native_means(found, peers), ""]
    lines += [*summary.misses(found, peers), "", *summary.absences(found, peers, verbose)]
    return "\n".join(lines).strip()


def native_means(found: Sequence[Measured], peers: Sequence[str]) -> list[str]:
    """The same of machine code alone, which says more of kernels, and less of what users get: the
    peers' times are those of whole calls."""
    lines = ["machine code's time alone, geometric mean of the ratios to whole calls:"]
    for peer in peers:
        ratios = [
            m.native / m.seconds[peer] for m in found if m.native and m.ratio(peer) is not None
        ]
        if ratios:
            lines.append(f"  {geometric_mean(ratios):.2f}x {peer}, {len(ratios)} cases")
    return lines
