"""`python -m fxlower.tools.opinfo.pages RESULTS...`: write docs/opinfo.md, and its summary into the
README, from what sweeps wrote by `--to`. Later files take the place of earlier ones, sample by
sample."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from fxlower.tools.opinfo.summary import how, status_of, timing
from fxlower.tools.opinfo.trial import entries

DTYPES = ("float32", "bfloat16", "int64", "bool")
PAGE = Path("docs/opinfo.md")
README = Path("README.md")
MARKS = ("<!-- opinfo -->\n", "<!-- /opinfo -->\n")

INTRODUCTION = """\
# PyTorch's operator database

Written by `python -m fxlower.tools.opinfo.pages` from a sweep; do not edit.

Every entry of `OpInfo`, compiled and compared with eager mode: results, strides, aliases,
gradients, arguments changed in place; strided and expanded inputs, sizes past a vector, NaN,
infinities and denormals, dynamic sizes. `make opinfo` runs all of that. A page put together from
shards says of each entry what the checks that they ran found.

"""

LEGEND = """
In the table of entries, **kernels**: fxlower's own code only. **mixed**: with some operators in
eager mode, those of the last column. **eager**: in eager mode as a whole. **fails**: a sample does,
see below. **not traced right**: `aot_eager`, which generates no code, differs from eager mode too.
**not run**: it was not, or eager mode refuses its samples. Empty: eager mode has no such dtype.

"""

CELLS = {"native": "kernels", "mixed": "mixed", "fallback": "eager", "eager": "eager"}

NOT_COUNTED = ("", "not run", "not traced right")

_TIES = "which of equal elements comes first: eager mode's algorithm has no order for them"

REASONS = {
    "argsort": _TIES,
    "msort": _TIES,
    "nn.functional.normalize": "a gradient that is 0 but for rounding to bf16 between operators",
    "slice_scatter": "strides where all is replaced: PyTorch's fake implementation has no gaps",
    "sort": _TIES,
    "std": "of numbers whose squares overflow f32; eager mode sums in f64",
    "std.unbiased": "of numbers whose squares overflow f32; eager mode sums in f64",
    "topk": _TIES,
}
"""Why what is known to fail does."""

GROUPS = (
    ("linear algebra", re.compile(r"^(linalg\.|cholesky|lu|qr|svd|geqrf|ormqr|matmul|addmm|mm$)")),
    ("transforms", re.compile(r"^(fft\.|stft|istft|signal\.)")),
    ("networks", re.compile(r"^(nn\.functional\.|torch\.nn|native_|softmax|log_softmax)")),
    ("special functions", re.compile(r"^(special\.|polygamma|mvlgamma|igamma|i0|digamma|lgamma)")),
    ("masked", re.compile(r"^(masked\.|masked_)")),
    (
        "random and new tensors",
        re.compile(
            r"^(rand|normal|bernoulli|multinomial|empty|new_|full|"
            r"zeros|ones|arange|linspace|logspace|uniform|cauchy|"
            r"exponential|geometric|log_normal|scalar_tensor)"
        ),
    ),
)

Row = tuple[str, list[str], str]
"""An entry, its cell for each dtype, and the operators that fall back."""


def group_of(name: str) -> str:
    return next((g for g, pattern in GROUPS if pattern.match(name)), "other")


def merged(files: list[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """The lines of the files by entry and dtype."""
    found: dict[tuple[str, str], dict[tuple[str, str], Any]] = {}
    for file in files:
        for line in map(json.loads, file.read_text().splitlines()):
            records = found.setdefault((line["name"], line["dtype"]), {})
            records.update(((r["check"], r["sample"]), r) for r in line["records"])
    return {
        key: {"name": key[0], "dtype": key[1], "records": list(records.values())}
        for key, records in found.items()
    }


def cell(name: str, dtype: str, line: dict[str, Any] | None) -> str:
    if getattr(torch, dtype) not in entries()[name].supported_dtypes("cpu"):
        return ""
    status = "none" if line is None else status_of(line)
    if line is None or status == "none":
        return "not run"
    if status == "reference":
        return "not traced right"
    return CELLS[how(line)] if status == "pass" else "fails"


def rows_of(lines: dict[tuple[str, str], dict[str, Any]]) -> list[Row]:
    rows: list[Row] = []
    for name in sorted(entries()):
        own = [lines.get((name, dtype)) for dtype in DTYPES]
        falling = {
            operator.removesuffix(".default")
            for line in own
            if line is not None
            for record in line["records"]
            for operator in record.get("fallbacks", ())
        }
        cells = [cell(name, dtype, line) for dtype, line in zip(DTYPES, own)]
        rows.append((name, cells, ", ".join(sorted(falling))))
    return rows


def summary(rows: list[Row]) -> str:
    """Counts by group and dtype: passing / all that aot_eager passes, those all in kernels."""
    lines = [f"| OpInfo entries | {' | '.join(DTYPES)} |", "|---" * 5 + "|"]
    names = [g for g, _ in GROUPS] + ["other"]
    for group in [*names, "all"]:
        cells = []
        for i in range(len(DTYPES)):
            counts = Counter(
                c[i] for name, c, _ in rows if group == "all" or group_of(name) == group
            )
            total = sum(n for c, n in counts.items() if c not in NOT_COUNTED)
            passed = total - counts["fails"]
            cells.append(f"{passed} / {total}, {counts['kernels']} in kernels" if total else "")
        mark = "**" if group == "all" else ""
        lines.append(f"| {mark}{group}{mark} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def page(lines: dict[tuple[str, str], dict[str, Any]]) -> str:
    rows = rows_of(lines)
    text = [INTRODUCTION, summary(rows), LEGEND]
    if taken := timing(list(lines.values())):
        text.append(taken + "\n\n")
    failing = [
        f"| `{name}` | {dtype} | {r['check']} [{r['sample']}] | {reason_of(name, r)} |\n"
        for (name, dtype), line in sorted(lines.items())
        for r in line["records"]
        if r["status"] not in ("pass", "reference")
    ]
    if failing:
        text += ["| fails | dtype | sample | |\n|---|---|---|---|\n", *failing, "\n"]
    text.append(f"| entry | {' | '.join(DTYPES)} | in eager mode |\n{'|---' * 6}|\n")
    text += [f"| `{name}` | {' | '.join(cells)} | {falling} |\n" for name, cells, falling in rows]
    return "".join(text)


def reason_of(name: str, record: dict[str, Any]) -> str:
    return REASONS.get(name) or _short(record["message"])


def _short(message: str) -> str:
    return " ".join(message.split())[:160].replace("|", "\\|")


def rows_in(text: str) -> list[Row]:
    """The table of entries back from the page."""
    body = text[text.index("| entry |") :].splitlines()[2:]
    rows: list[Row] = []
    for line in body:
        name, *cells, falling = [c.strip() for c in line.strip("|").split("|")]
        rows.append((name.strip("`"), cells, falling))
    return rows


def with_summary(readme: str, rows: list[Row]) -> str:
    begin, end = MARKS
    head, rest = readme.split(begin)
    return head + begin + summary(rows) + end + rest.split(end)[1]


def main() -> None:
    if not PAGE.parent.is_dir():
        sys.exit("opinfo.pages: no folder docs here; run it at the root of the repository")
    lines = merged([Path(name) for name in sys.argv[1:]])
    PAGE.write_text(page(lines))
    README.write_text(with_summary(README.read_text(), rows_of(lines)))


if __name__ == "__main__":
    main()
