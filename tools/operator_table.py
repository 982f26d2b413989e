"""`python -m fxlower.tools.operator_table`: write docs/operators.md from the lowering registry."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import fxlower.frontend.aten
from fxlower.frontend.decompositions import decomposition_table
from fxlower.frontend.registry import RULES

INTRODUCTION = """\
# Operators

Written by `python -m fxlower.tools.operator_table` from the registry; do not edit.

An operator that is in neither table below runs in eager mode, one call at a time, and
`fxlower.explain` says so. So does a call that its rule refuses, with the reason. How to add one:
[adding-an-operator.md](adding-an-operator.md).
"""


def table() -> str:
    """The page."""
    families: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for overload, rule in RULES.items():
        if rule.__module__.startswith(fxlower.frontend.aten.__name__):
            family = rule.__module__.rsplit(".", 1)[1]
            namespace, name, variant = parts(overload)
            families[family][f"{namespace}.{name}"].add(variant)
    count = sum(len(variants) for family in families.values() for variants in family.values())
    lines = [INTRODUCTION, f"## Lowered to IR: {count} overloads", ""]
    lines += ["| operator | overloads | rules in `fxlower/frontend/aten/` |", "|---|---|---|"]
    for family, operators in sorted(families.items()):
        for name, variants in sorted(operators.items()):
            lines.append(f"| `{name}` | {', '.join(sorted(variants))} | `{family}.py` |")
    decomposed = {  # of public operators; torch's table grows by what a process has loaded
        f"{namespace}.{name}"
        for namespace, name, variant in map(parts, decomposition_table())
        if namespace == "aten" and "out" not in variant and not name.startswith("_")
    }
    decomposed -= {name for family in families.values() for name in family}
    lines += [
        "",
        f"## Rewritten into others by PyTorch first: {len(decomposed)} operators",
        "",
        ", ".join(f"`{name}`" for name in sorted(decomposed)),
    ]
    return "\n".join(lines) + "\n"


def parts(overload: Any) -> tuple[str, str, str]:
    """`aten.add.Tensor` as ("aten", "add", "Tensor")."""
    namespace, name, variant = str(overload).split(".")
    return namespace, name, variant


def main() -> None:
    file = Path("docs/operators.md")
    if not file.parent.is_dir():
        sys.exit("operator_table: no folder docs here; run it at the root of the repository")
    file.write_text(table())


if __name__ == "__main__":
    main()
