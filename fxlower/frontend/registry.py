"""The table of lowerings: one rule for each ATen overload that fxlower compiles.

    @lowers(aten.mm.default)
    def mm(b, lhs, rhs):
        return b.matmul(lhs, rhs)

A rule gets a `RuleBuilder` and the arguments of the FX node: tensors as SSA values, integers as
`int` or `Sym` (canonical text of a symbolic size), everything else verbatim. It returns the
node's value, or a sequence with one value for each result. Its parameters are in the order of the
operator's schema; keyword-only ones have the schema's names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Rule: TypeAlias = Callable[..., Any]

RULES: dict[Any, Rule] = {}
"""Lowering rules by operator overload."""

NAMED_RULES: dict[str, Rule] = {}
"""Rules of operators that torch defines only when a part of it is loaded, by name."""

COMPLEX_RULES: dict[Any, Rule] = {}
"""Rules for calls with complex numbers among the arguments or the results, which arrive as
`fxlower.frontend.encoded.Encoded`."""

FLOAT8_RULES: dict[Any, Rule] = {}
"""The same for float8."""

_SHIPPED: set[Any] = set()


class NotLowered(Exception):
    """Raised by a rule that has no lowering for these arguments; the operator then runs in eager
    mode. The message is the reason that `explain` shows."""


class Sym(str):
    """A symbolic integer among the arguments of a rule: a dim that is no plain string."""

    __slots__ = ()


def lowers(*overloads: Any) -> Callable[[Rule], Rule]:
    """Register the decorated rule for `overloads`; each has one rule, a second one is an error."""

    def register(rule: Rule) -> Rule:
        for overload in overloads:
            if (first := RULES.get(overload)) is not None:
                raise ValueError(
                    f"{overload} has a rule already, {describe(first)}: "
                    f"{describe(rule)} cannot be another"
                )
            RULES[overload] = rule
            _SHIPPED.add(overload)
        return rule

    return register


def lowers_named(name: str) -> Callable[[Rule], Rule]:
    """Register the decorated rule for the overload called `name`, which may not exist yet."""

    def register(rule: Rule) -> Rule:
        if (first := NAMED_RULES.get(name)) is not None:
            raise ValueError(f"{name} has a rule already, {describe(first)}")
        NAMED_RULES[name] = rule
        return rule

    return register


def lowers_complex(*overloads: Any) -> Callable[[Rule], Rule]:
    """Register the decorated rule for calls of `overloads` with complex numbers."""
    return _in_table(COMPLEX_RULES, overloads)


def lowers_float8(*overloads: Any) -> Callable[[Rule], Rule]:
    """Register the decorated rule for calls of `overloads` with float8."""
    return _in_table(FLOAT8_RULES, overloads)


def _in_table(table: dict[Any, Rule], overloads: tuple[Any, ...]) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for overload in overloads:
            if (first := table.get(overload)) is not None:
                raise ValueError(f"{overload} has a rule already, {describe(first)}")
            table[overload] = rule
        return rule

    return register


def rule_of(overload: Any) -> Rule | None:
    """The lowering of `overload`, if it has one."""
    return RULES.get(overload) or NAMED_RULES.get(str(overload))


def register_lowering(overload: Any, rule: Rule, *, override: bool = False) -> None:
    """Give a custom operator a lowering, or with `override` replace one.

    Raises:
        ValueError: the operator has a rule, and `override` is not set.
    """
    import fxlower.frontend.aten  # noqa: F401  (the shipped rules come first)

    first = RULES.get(overload)
    if first is not None and not override:
        owner = "fxlower itself" if overload in _SHIPPED else "an earlier registration"
        raise ValueError(
            f"{overload} is lowered by {owner}, {describe(first)}: "
            "pass override=True to replace that rule"
        )
    RULES[overload] = rule
    _SHIPPED.discard(overload)


def has_foreign_rules() -> bool:
    """Whether an operator of torch's own has a rule that is not fxlower's."""
    tables = (RULES, COMPLEX_RULES, FLOAT8_RULES)
    rules = [item for table in tables for item in table.items()]
    return any(
        not rule.__module__.startswith("fxlower.") and str(overload).startswith(("aten.", "prims."))
        for overload, rule in (*rules, *NAMED_RULES.items())
    )


def describe(rule: Rule) -> str:
    """Where a rule is defined: `module.name`."""
    return f"{rule.__module__}.{rule.__qualname__}"
