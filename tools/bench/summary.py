"""What the loop benchmark prints of its measurements.

A ratio is fxlower's time as a multiple of another's: below 1, fxlower is faster.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import geometric_mean, median

import torch
from rich.table import Table

from fxlower.tools.bench.case import WRONG
from fxlower.tuning.roofline import LEVELS, Roofline

BASELINES = ("eager", "inductor")
"""A case is a miss where fxlower takes longer than the better of these, or of others that are
named."""


@dataclass
class Measured:
    """A case: `level` of the memory its data is in, bytes `moved`, `operations`, `dtype` of the
    first result, and by name of the peer its `seconds`, those of the `first` call and of all that
    comes before it, its error, and the reason where it did not run."""

    name: str
    level: str
    moved: int
    operations: int
    dtype: str = "float32"
    seconds: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    native: float | None = None
    """Of fxlower's seconds, those in machine code."""

    reads: float | None = None
    """Of products that are bound by it, the bytes per second at which so much data can be read."""

    def is_right(self, peer: str) -> bool:
        return self.errors.get(peer, float("inf")) <= WRONG

    def ratio(self, peer: str) -> float | None:
        """Of fxlower's time to that of a peer, if both computed the right thing."""
        if not (self.is_right("fxlower") and self.is_right(peer)):
            return None
        return self.seconds["fxlower"] / self.seconds[peer]

    def ratio_to_best(self, baselines: Sequence[str] = BASELINES) -> float | None:
        ratios = [r for name in baselines if (r := self.ratio(name)) is not None]
        return max(ratios, default=None)

    def best(self, baselines: Sequence[str] = BASELINES) -> str:
        return max((n for n in baselines if self.ratio(n)), key=lambda n: self.ratio(n) or 0.0)


def table(found: Sequence[Measured], peers: Sequence[str], limits: Roofline) -> Table:
    title = (
        f"{torch.get_num_threads()} threads; copies, GB/s: "
        + ", ".join(f"{limits.copies[n] / 1e9:.0f} in {n}" for n in LEVELS)
        + f"; f32: {limits.operations / 1e9:.0f} GFLOP/s; us; ratios of fxlower to others"
    )
    made = Table(title=title)
    made.add_column("case")
    for heading in ("in", "fxlower", "native", *peers, "GB/s", "copy", "GFLOP/s", "peak", "error"):
        made.add_column(heading, justify="right")
    for m in found:
        made.add_row(*cells(m, peers, limits), style="bold" if is_miss(m) else None)
    return made


def is_miss(m: Measured, baselines: Sequence[str] = BASELINES) -> bool:
    return not m.is_right("fxlower") or (m.ratio_to_best(baselines) or 0.0) > 1.0


def cells(m: Measured, peers: Sequence[str], limits: Roofline) -> list[str]:
    own = m.seconds.get("fxlower")
    if own is None:
        return [m.name, m.level, "FAILS", *[""] * (len(peers) + 6)]
    rate, speed = m.moved / own, m.operations / own
    return [
        m.name,
        m.level,
        f"{own * 1e6:.1f}",
        "-" if m.native is None else f"{m.native * 1e6:.1f}",
        *(comparison(m, peer) for peer in peers),
        f"{rate / 1e9:.1f}",
        f"{rate / limits.copies[m.level]:.0%}",
        f"{speed / 1e9:.1f}",
        f"{speed / limits.operations:.0%}",
        f"{m.errors['fxlower']:.0e}" + ("" if m.is_right("fxlower") else " WRONG"),
    ]


def comparison(m: Measured, peer: str) -> str:
    """A peer's time and the ratio to it."""
    if peer not in m.seconds:
        return "-"
    time = f"{m.seconds[peer] * 1e6:.1f}"
    if not m.is_right(peer):
        return f"{time} WRONG"
    ratio = m.ratio(peer)
    return time if ratio is None else f"{time} {ratio:5.2f}x"


def conclusions(
    found: Sequence[Measured], peers: Sequence[str], limits: Roofline, verbose: bool = False
) -> str:
    lines = [*means(found, peers), "", *misses(found, [n for n in BASELINES if n in peers])]
    lines += ["", *bandwidths(found, limits), "", *absences(found, peers, verbose)]
    return "\n".join(lines).strip()


def means(found: Sequence[Measured], peers: Sequence[str]) -> list[str]:
    lines = ["fxlower's time, geometric mean of the ratios (below 1: faster):"]
    for peer in peers:
        ratios = {m: r for m in range(len(found)) if (r := found[m].ratio(peer)) is not None}
        if not ratios:
            continue
        line = f"  {geometric_mean(ratios.values()):.2f}x {peer}, {len(ratios)} cases"
        for level in LEVELS:
            part = [r for m, r in ratios.items() if found[m].level == level]
            line += f"; {geometric_mean(part):.2f}x of {len(part)} in {level}" if part else ""
        lines.append(line)
    return lines


def misses(found: Sequence[Measured], baselines: Sequence[str]) -> list[str]:
    """How many cases are as fast as the best of `baselines`, and which are not."""
    wrong = [m for m in found if not m.is_right("fxlower")]
    ratios = [(m.ratio_to_best(baselines), m) for m in found]
    compared = [(r, m) for r, m in ratios if r is not None]
    slower = sorted((i for i in compared if i[0] > 1.0), key=lambda i: -i[0])
    lines = [f"fxlower fails or is wrong: {m.name} {m.reasons.get('fxlower', '')}" for m in wrong]
    if compared:
        lines.append(
            f"{len(compared) - len(slower)} of {len(compared)} cases take at most 1.0x the time of "
            f"the best of {' and '.join(baselines)}{'; the others:' if slower else ''}"
        )
    lines += [f"  {ratio:.2f}x {m.best(baselines):8}  {m.name}" for ratio, m in slower]
    return lines


def bandwidths(found: Sequence[Measured], limits: Roofline) -> list[str]:
    """The share of a copy's bandwidth, for what is larger than the caches and bound by memory."""
    shares = {
        m.name: m.moved / m.seconds["fxlower"] / limits.copies["memory"]
        for m in found
        if m.is_right("fxlower") and limits.is_memory_bound(m.moved, m.operations)
    }
    if not shares:
        return []
    lines = [
        f"share of the copy bandwidth, {len(shares)} cases from memory: "
        f"median {median(shares.values()):.0%}"
    ]
    lines += [f"  {s:4.0%}  {name}" for name, s in sorted(shares.items(), key=lambda i: i[1])]
    return lines


def absences(found: Sequence[Measured], peers: Sequence[str], verbose: bool) -> list[str]:
    """Why peers have no time for some cases: by reason, or by case where `verbose`."""
    lines: list[str] = []
    for peer in peers:
        wrong = [m.name for m in found if peer in m.errors and not m.is_right(peer)]
        if wrong:
            lines.append(f"{peer} is wrong, and not counted: {', '.join(wrong)}")
        if verbose:
            lines += [f"{peer}: {m.name}: {m.reasons[peer]}" for m in found if peer in m.reasons]
        else:
            counts = Counter(m.reasons[peer] for m in found if peer in m.reasons)
            lines += [f"- {peer}, {n} cases: {reason}" for reason, n in counts.most_common()]
    return lines


def as_json(found: Sequence[Measured], peers: Sequence[str], limits: Roofline | None) -> str:
    data = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "peers": list(peers),
        "roofline": None if limits is None else asdict(limits),
        "cases": [asdict(m) for m in found],
    }
    return json.dumps(data, indent=1, default=str) + "\n"
