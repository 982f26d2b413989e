"""What the importer hands to the compiler: the module, and what only the host knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from xdsl.dialects.builtin import ModuleOp

from fxlower.dialects.build import Dim


@dataclass(frozen=True)
class TensorSlot:
    """In the arguments of a fallback call: operand `index` of its `fxt.aten`."""

    index: int


@dataclass(frozen=True)
class SizeSlot:
    """In the arguments of a fallback call, or among the outputs: a symbolic integer."""

    size: Dim


@dataclass(frozen=True)
class ScalarSlot:
    """In the arguments of a fallback call: operand `index` of its `fxt.aten`, a 0-d tensor whose
    element is passed as a Python number. Among the outputs: the same of result `index`."""

    index: int


@dataclass(frozen=True)
class InputSlot:
    """In the arguments of a fallback call, or among the outputs: placeholder `index` of the graph
    as the caller passed it: the very tensor, or what is no tensor (a generator, None...)."""

    index: int


@dataclass(frozen=True)
class ExpressionSlot:
    """In the arguments of a fallback call, or among the outputs: a function of symbols that has
    no form in IR, such as a condition."""

    symbols: tuple[str, ...]
    evaluate: Callable[[Mapping[str, int]], Any]


OFFSET = -1
"""`OFFSET - n` in place of a dimension: where a view begins, in elements, when what it is of begins
at n."""


@dataclass(frozen=True)
class FallbackCall:
    """An ATen (or higher-order, or custom) operator that the host calls for an `fxt.aten`.

    `args` and `kwargs` are those of the FX node with tensors as `TensorSlot`, symbolic integers as
    `SizeSlot`, and rarer things as the other slots. `operand_strides` are those that each tensor
    has in eager mode. `results` has one entry for each element of
    the operator's flat output (`torch.utils._pytree`): the index of the op's result, or None where
    it is no tensor. `symbols` names the unbacked symbols that the results bind: (symbol, result
    index, dimension or `OFFSET - n`), or, where it is the number itself, (symbol, index in the flat
    output, None).
    `numbers` are the integers of the flat output that are known otherwise, by index: the user's
    checks may say what they have to be.
    """

    target: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    operand_strides: tuple[tuple[Dim, ...] | None, ...]
    results: tuple[int | None, ...]
    symbols: tuple[tuple[str, int, int | None], ...]
    reason: str
    """Why the host runs it; empty where it is no operator of the graph but a view of memory by
    another dtype, see `fxlower.frontend.encoded`."""
    source: str
    """The user's line, e.g. `model.py:12 in forward`."""

    numbers: tuple[tuple[int, Dim], ...] = ()


@dataclass(frozen=True)
class SymbolSource:
    """Where the host reads a symbol.

    | kind | the symbol is |
    |---|---|
    | `value` | placeholder `input`, an integer |
    | `size`, `stride` | that of placeholder `input` along `axis` |
    | `expression` | `expression` of the values of other symbols (for what IR cannot compute) |
    | `fallback` | bound by a fallback call, see `FallbackCall.symbols` |

    Sources are listed so that an expression comes after the symbols it reads, except for those
    that a fallback binds, which are evaluated when these are known.
    """

    kind: str
    input: int = -1
    axis: int = -1
    expression: Callable[[Mapping[str, int]], int] | None = None
    symbols: tuple[str, ...] = ()
    """What `expression` reads."""


@dataclass(frozen=True)
class TensorOutput:
    """Result `index` of `@main` that is returned (results with `fxt.mutates` are not).

    Outputs and arguments of one `storage` share memory in eager mode; all others must not, even
    where the compiler found them to be equal: values know no copies (`clone` is its operand), so
    the host makes them. `strides` are those in eager mode, to the letter: of dims of size 1 too.
    """

    index: int
    storage: int
    strides: tuple[Dim, ...] = field(compare=False)


@dataclass(frozen=True)
class Imported:
    """An FX graph at stage `fxt`.

    `tensor_inputs[i]` is the position, among the graph's placeholders, of the tensor that is
    argument i of `@main`; `attributes` are tensors the graph module holds (get_attr), which are
    the arguments after those. Symbols are the last arguments. `outputs` has one entry for each
    value the graph returns: `TensorOutput`, `InputSlot` (an input returned as it is), `SizeSlot`,
    `ScalarSlot`, `ExpressionSlot`, or the constant itself (None, a number).
    """

    module: ModuleOp
    placeholders: int
    tensor_inputs: tuple[int, ...]
    attributes: tuple[torch.Tensor, ...]
    storages: tuple[int, ...]
    """Of each tensor argument, see `TensorOutput`."""

    symbols: dict[str, SymbolSource]
    divisors: tuple[Dim, ...]
    """Sizes that others are divided by, and that may be 0."""

    outputs: tuple[Any, ...]
    assigned: tuple[int, ...]
    """Placeholders that become the last outputs, by `set_`: these are not returned."""

    calls: dict[int, FallbackCall]
    operators: int
    """Call nodes of operators in the graph, for `explain`."""
    fallbacks: list[FallbackCall] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    """By the name of a value, as kernel calls that make it have it still: the user's line. Only if
    `import_graph` was asked for it."""
