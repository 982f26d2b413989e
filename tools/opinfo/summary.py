"""Counts of what a sweep found."""

from __future__ import annotations

from collections import Counter
from typing import Any

WORST = ("crash", "hang", "raises", "fail", "reference", "pass")


def status_of(line: dict[str, Any], checks: set[str] | None = None) -> str:
    """Of an entry for a dtype: that of its worst sample; "none" without samples."""
    found = {r["status"] for r in line["records"] if checks is None or r["check"] in checks}
    if found == {"pass", "reference"}:
        return "pass"
    return next((s for s in WORST if s in found), "none")


def failures(line: dict[str, Any]) -> list[dict[str, Any]]:
    return [r for r in line["records"] if r["status"] not in ("pass", "reference")]


def describe(line: dict[str, Any], record: dict[str, Any]) -> str:
    message = " ".join(record["message"].split())[:300]
    return (
        f"{record['status'].upper():6} {line['name']} {line['dtype']} {record['check']} "
        f"[{record['sample']}] {message}"
    )


def how(line: dict[str, Any]) -> str:
    """Whether an entry runs "native", by "fallback", in part so ("mixed"), or is never traced."""
    passed = [r for r in line["records"] if r["status"] == "pass"]
    traced = [r for r in passed if r.get("graphs")]
    if not traced:
        return "eager"
    falling = [r for r in traced if r["fallbacks"]]
    if not falling:
        return "native"
    alone = all(len(r["fallbacks"]) >= r["operators"] for r in falling)
    return "fallback" if len(falling) == len(traced) and alone else "mixed"


def summarise(lines: list[dict[str, Any]]) -> str:
    rows = [f"{'dtype':10} {'entries':>7} {'pass':>5} {'fail':>5} {'aot_eager fails':>15}   how"]
    for dtype in dict.fromkeys(line["dtype"] for line in lines):
        own = [line for line in lines if line["dtype"] == dtype]
        counts = Counter(status_of(line) for line in own)
        total = sum(n for s, n in counts.items() if s != "none")
        failed = total - counts["pass"] - counts["reference"]
        ways = Counter(how(line) for line in own if status_of(line) == "pass")
        rows.append(
            f"{dtype:10} {total:7} {counts['pass']:5} {failed:5} {counts['reference']:15}   "
            + ", ".join(f"{w} {n}" for w, n in ways.most_common())
        )
    records = [r for line in lines for r in line["records"]]
    for check in dict.fromkeys(r["check"] for r in records):
        counts = Counter(r["status"] for r in records if r["check"] == check)
        rows.append(f"{check:10} {sum(counts.values())} samples: {dict(counts)}")
    if taken := timing(lines):
        rows.append(taken)
    return "\n".join(rows)


def timing(lines: list[dict[str, Any]]) -> str:
    """The times of what was run under aot_eager too; empty if nothing was."""
    records = [r for line in lines for r in line["records"]]
    both = [r for r in records if r.get("reference_seconds") and r["status"] == "pass"]
    if not both:
        return ""
    own = sum(r["seconds"] for r in both)
    reference = sum(r["reference_seconds"] for r in both)
    return (
        f"Processor time of {len(both)} samples, tracing, compiling and calling: fxlower "
        f"{own:.0f} s, aot_eager {reference:.0f} s, ratio {own / reference:.2f}."
    )
