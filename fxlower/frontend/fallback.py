"""Operators that run in eager mode: one `fxt.aten` and one `FallbackCall` each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.fx import Node
from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols
from torch.utils import _pytree as pytree
from xdsl.dialects.builtin import ArrayAttr, UnitAttr
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import (
    I64,
    Dim,
    dims_attr,
    emit,
    int_attr,
    string_attr,
    tensor_type,
)
from fxlower.errors import FxlowerError
from fxlower.frontend.builder import RuleBuilder, TensorInfo
from fxlower.frontend.encoded import Encoded, Encoder
from fxlower.frontend.program import (
    OFFSET,
    FallbackCall,
    ScalarSlot,
    SizeSlot,
    SymbolSource,
    TensorSlot,
)
from fxlower.frontend.registry import Sym
from fxlower.frontend.scalars import Scalar, ScalarBuilder, scalar_of
from fxlower.frontend.sources import source_of
from fxlower.frontend.symbolic import SymbolTable, expression_of
from fxlower.frontend.tensors import TensorReader
from fxlower.frontend.types import PART

Operands = list[SSAValue]


class Fallbacks:
    """The fallback calls of one graph."""

    def __init__(self, builder: RuleBuilder, table: SymbolTable, tensors: TensorReader):
        self.block = builder.block
        self.table = table
        self.tensors = tensors
        self.calls: dict[int, FallbackCall] = {}
        self.encoder = Encoder(builder, self.calls)
        builder.late_number = self.late_number

    def unsupported(self) -> dict[str, list[str]]:
        """User source lines of each operator that was met."""
        sites: dict[str, list[str]] = {}
        for call in self.calls.values():
            if call.reason:
                sites.setdefault(str(call.target), []).append(call.source)
        return sites

    def converter(
        self, scalars: ScalarBuilder, values: Mapping[Node, Any]
    ) -> Callable[[Any, Operands], Any]:
        """A function from arguments of FX nodes to those of a `FallbackCall`."""

        def slot(value: Any, operands: Operands) -> Any:
            if isinstance(value, Encoded):
                value = self.encoder.put_together(value)
            if isinstance(value, SSAValue):
                operands.append(value)
                return TensorSlot(len(operands) - 1)
            if isinstance(value, Sym):
                return SizeSlot(str(value))
            if isinstance(value, Scalar):
                if value.is_computable(scalars):
                    operands.append(scalars.emit(value))
                    return ScalarSlot(len(operands) - 1)
                if any(n in scalars.items and not self._is_late(n) for n in value.names):
                    raise FxlowerError(
                        f"{value.expr} depends on an element of a tensor and has no lowering: "
                        "compute it with tensors instead of Python numbers"
                    )
                return value.slot(self.table)
            if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
                return [slot(v, operands) for v in value]
            return value

        def convert(arg: Any, operands: Operands) -> Any:
            if isinstance(arg, Node):
                return slot(values[arg], operands)
            if isinstance(arg, (list, tuple)):
                return type(arg)(convert(a, operands) for a in arg)
            if isinstance(arg, dict):
                return {k: convert(v, operands) for k, v in arg.items()}
            if isinstance(arg, slice):
                return slice(*(convert(a, operands) for a in (arg.start, arg.stop, arg.step)))
            return arg

        return convert

    def call(
        self,
        node: Node,
        convert: Callable[[Any, Operands], Any],
        values: Mapping[Node, Any],
        reason: str,
    ) -> Any:
        """Emit the call of `node`; returns its value, structured as `meta["val"]` is."""
        eager_strides: dict[SSAValue, tuple[Dim, ...]] = {}
        for argument in node.all_input_nodes:
            value = values.get(argument)
            if isinstance(value, Encoded):
                value = self.encoder.put_together(value)
            if isinstance(value, SSAValue):
                eager_strides[value] = self.tensors.exact_strides(argument.meta["val"])
        operands: Operands = []
        args = tuple(convert(a, operands) for a in node.args)
        kwargs = {k: convert(v, operands) for k, v in node.kwargs.items()}
        leaves, structure = pytree.tree_flatten(node.meta.get("val"))
        results: list[int | None] = []
        infos = []
        for leaf in leaves:
            is_tensor = isinstance(leaf, torch.Tensor)
            results.append(len(infos) if is_tensor else None)
            if is_tensor:
                infos.append(self.tensors.info(leaf))
        number = len(self.calls)
        op = emit(
            self.block,
            fxt.AtenOp,
            operands,
            [i.type for i in infos],
            {"target": string_attr(str(node.target)), "id": int_attr(number)},
            {"strides": ArrayAttr([dims_attr(i.strides) for i in infos])},
        )
        for result in op.results:
            result.name_hint = node.name
        bound = self._bind(leaves, results, node)
        fresh = {position for _, position, axis in bound if axis is None}
        numbers = tuple(
            (position, self.table.dim(leaf))
            for position, leaf in enumerate(leaves)
            if isinstance(leaf, torch.SymInt) and position not in fresh
        )
        if isinstance(node.target, torch._ops.OpOverload) and node.target.is_view and not bound:
            op.attributes["pure"] = UnitAttr()  # a slice that is overwritten is read by nobody
        self.calls[number] = FallbackCall(
            target=node.target,  # type: ignore[arg-type]
            args=args,
            kwargs=kwargs,
            operand_strides=tuple(eager_strides.get(v, ()) for v in operands),
            results=tuple(results),
            symbols=bound,
            numbers=numbers,
            reason=reason,
            source=source_of(node),
        )
        made = [
            self._value(op.results[r], infos[r]) if r is not None else self._number(leaf)
            for leaf, r in zip(leaves, results)
        ]
        return pytree.tree_unflatten(made, structure)

    def _value(self, result: SSAValue, info: TensorInfo) -> SSAValue | Encoded:
        return self.encoder.taken_apart(result, info) if info.element in PART else result

    def late_number(self, size: Dim) -> SSAValue | None:
        """A 0-d tensor of a size that an operator gives while the graph runs, made by the host: a
        kernel that reads it comes after that operator. None for other sizes."""
        if not any(map(self._is_late, symbols.symbols_of(size))):
            return None
        number = len(self.calls)
        self.calls[number] = FallbackCall(
            target=torch.scalar_tensor,
            args=(SizeSlot(str(size)),),
            kwargs={"dtype": torch.int64},
            operand_strides=(),
            results=(0,),
            symbols=(),
            reason="",
            source="",
        )
        return emit(
            self.block,
            fxt.AtenOp,
            (),
            (tensor_type(I64, ()),),
            {"target": string_attr("aten.scalar_tensor.default"), "id": int_attr(number)},
            {"strides": ArrayAttr([dims_attr(())])},
        ).results[0]

    def _is_late(self, symbol: str) -> bool:
        source = self.table.sources.get(symbol)
        return source is not None and (
            source.kind == "fallback" or any(map(self._is_late, source.symbols))
        )

    def _number(self, leaf: Any) -> Any:
        if isinstance(leaf, torch.SymInt):
            dim = self.table.dim(leaf)
            return Sym(dim) if isinstance(dim, str) else dim
        return scalar_of(leaf)

    def _bind(
        self, leaves: list[Any], results: list[int | None], node: Node
    ) -> tuple[tuple[str, int, int | None], ...]:
        """The unbacked symbols that the results give a value to."""
        bound: list[tuple[str, int, int | None]] = []

        def bind(dim: Any, index: int, axis: int | None) -> None:
            for name in symbols.symbols_of(dim):
                if name in self.table.sources:
                    continue
                if name != dim:
                    raise FxlowerError(f"cannot solve the symbolic size {dim} for {name}")
                self.table.sources[name] = SymbolSource("fallback")
                bound.append((name, index, axis))
                if axis is not None:  # neither a size nor an offset is negative
                    self.table.sizes.add(name)

        for position, (leaf, result) in enumerate(zip(leaves, results)):
            if result is not None:
                for axis, dim in enumerate(self.tensors.info(leaf).dims):
                    bind(dim, result, axis)
                base = _offset(_source(node))
                if free_unbacked_symbols(offset := _offset(leaf)) and type(base) is int:
                    bind(self.table.dim(offset), result, OFFSET - base)
            elif isinstance(leaf, torch.SymInt):
                bind(self.table.dim(leaf), position, None)
            elif isinstance(leaf, (torch.SymBool, torch.SymFloat)):
                for free in expression_of(leaf).free_symbols:
                    self.table.used.setdefault(free.name)
                    bind(free.name, position, None)
        return tuple(bound)


def _offset(tensor: Any) -> Any:
    if isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided:
        return tensor.storage_offset()
    return 0


def _source(node: Node) -> Any:
    """What a view is of."""
    first = node.args[0] if node.args else None
    return first.meta.get("val") if isinstance(first, Node) else None
