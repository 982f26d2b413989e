"""`python -m fxlower.tools.operator_table`: write docs/operators.md from the lowering registry."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

import fxlower.frontend.aten
from fxlower.frontend.decompositions import decomposition_table
from fxlower.frontend.eager_operators import EAGER_ON_PURPOSE
from fxlower.frontend.importer import SIZE_QUERIES
from fxlower.frontend.registry import COMPLEX_RULES, FLOAT8_RULES, RULES, rule_of

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
    for title, rules in (("complex numbers", COMPLEX_RULES), ("float8", FLOAT8_RULES)):
        names = {f"{namespace}.{name}" for namespace, name, _ in map(parts, rules)}
        lines += ["", f"## Lowered to IR of {title}: {len(names)} operators", ""]
        lines += [", ".join(f"`{name}`" for name in sorted(names))]
    lines += core_table()
    return "\n".join(lines) + "\n"


def core_table() -> list[str]:
    """What becomes of the operators that PyTorch calls core ATen, to which it reduces others."""
    ways: dict[str, list[tuple[str, str]]] = {"kernels": [], "rewritten": [], "eager": []}
    for overload in core_overloads():
        way, reason = way_of(overload)
        ways[way].append((str(overload), reason))
    counts = {way: len(found) for way, found in ways.items()}
    lines = [
        "",
        f"## Core ATen: {sum(counts.values())} overloads",
        "",
        f"Lowered to IR: {counts['kernels']}. Rewritten into those before fxlower sees the graph: "
        f"{counts['rewritten']}. In eager mode: {counts['eager']}. Unsupported: none.",
        "",
        "| rewritten or in eager mode | |",
        "|---|---|",
    ]
    for way in ("rewritten", "eager"):
        lines += [f"| `{name}` | {reason} |" for name, reason in sorted(ways[way])]
    return lines


def core_overloads() -> list[Any]:
    """All overloads that have the tag `core`."""
    found = []
    for qualified in sorted(torch._C._dispatch_get_all_op_names()):
        namespace, _, name = qualified.partition("::")
        name, _, variant = name.partition(".")
        packet = getattr(torch.ops.aten, name, None) if namespace == "aten" else None
        overload = getattr(packet, variant or "default", None)
        if overload is not None and torch.Tag.core in overload.tags:
            found.append(overload)
    return found


def way_of(overload: Any) -> tuple[str, str]:
    """ "kernels", "rewritten" or "eager", and what there is to say about it."""
    if rule_of(overload) is not None:
        return "kernels", ""
    if overload in SIZE_QUERIES:
        return "rewritten", "known from the graph"
    if overload in decomposition_table():
        return "rewritten", "decomposed"
    if overload._can_decompose():
        return "rewritten", "composed of others"
    if overload in EAGER_ON_PURPOSE:
        return "eager", f"eager: {EAGER_ON_PURPOSE[overload]}"
    if overload._schema.is_mutable:
        return "rewritten", "AOTAutograd puts the form that changes nothing in its place"
    return "eager", "eager: no rule yet"


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
