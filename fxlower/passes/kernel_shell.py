"""The function around a kernel, shared by all kinds: arguments, symbols, tensors, generics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from xdsl.dialects import tensor
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    FunctionType,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.linalg.attrs import IteratorType, IteratorTypeAttr
from xdsl.dialects.linalg.ops import FillOp, GenericOp
from xdsl.dialects.linalg.ops import YieldOp as LinalgYieldOp
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from fxlower.analysis.layout import Strides
from fxlower.analysis.symbols import contiguous_strides, substitute, symbols_of
from fxlower.dialects.build import (
    I32,
    INDEX,
    Dim,
    dims_attr,
    dims_of,
    emit,
    emit1,
    signless,
    string_attr,
    tensor_type,
)
from fxlower.passes.kernel_bodies import BodyBuilder
from fxlower.passes.materialize_dims import DimEmitter

NAMED_OPS = 5
"""Operations in the name of a kernel."""


class KernelShell:
    """The function around a kernel: arguments, symbols, and what is made before the loops."""

    def __init__(
        self, arguments: Sequence[tuple[Attribute, tuple[Dim, ...], Strides]], symbols: int
    ):
        types: list[Attribute] = []
        self.arg_attrs: list[DictionaryAttr] = []
        for element, sizes, strides in arguments:
            types.append(tensor_type(signless(element), sizes))
            self.arg_attrs.append(strides_dictionary(sizes, strides))
        for k in range(symbols):
            types.append(INDEX)
            self.arg_attrs.append(DictionaryAttr({"fxt.symbol": string_attr(f"d{k}")}))
        self.block = Block(arg_types=types)
        self.arguments = self.block.args[: len(arguments)]
        values = self.block.args[len(arguments) :]
        self.symbols = {f"d{k}": v for k, v in enumerate(values)}
        for name, value in self.symbols.items():
            value.name_hint = name
        self.dims = DimEmitter(self.block, self.symbols)

    def empty(self, element: Attribute, sizes: tuple[Dim, ...]) -> SSAValue:
        dynamic = [self.dims.value(n) for n in sizes if isinstance(n, str)]
        return emit1(self.block, tensor.EmptyOp, dynamic, tensor_type(element, sizes))

    def fill(self, value: float | int, element: Attribute, sizes: tuple[Dim, ...]) -> SSAValue:
        """A tensor with `value` everywhere."""
        empty = self.empty(element, sizes)
        number = BodyBuilder(self.block).constant(value, element)
        body = Block(arg_types=(element, element))
        emit(body, LinalgYieldOp, (body.args[0],))
        segments = {"operandSegmentSizes": DenseArrayBase.from_list(I32, [1, 1])}
        return emit(
            self.block, FillOp, (number, empty), (empty.type,), segments, regions=(Region(body),)
        ).results[0]

    def generic(
        self,
        inputs: Sequence[tuple[SSAValue, tuple[int, ...]]],
        init: SSAValue,
        result_map: tuple[int, ...],
        parallel: int,
        reduced: int,
        body: Block,
    ) -> SSAValue:
        maps = [affine_map(parallel + reduced, m) for _, m in inputs]
        operands = (*[v for v, _ in inputs], init)
        properties = {
            "indexing_maps": ArrayAttr([*maps, affine_map(parallel + reduced, result_map)]),
            "iterator_types": _iterators(parallel, reduced),
            "operandSegmentSizes": DenseArrayBase.from_list(I32, [len(inputs), 1]),
        }
        return emit(
            self.block, GenericOp, operands, (init.type,), properties, regions=(Region(body),)
        ).results[0]

    def finish(
        self,
        name: str,
        results: Sequence[tuple[SSAValue, Strides]],
        attributes: dict[str, Attribute],
    ) -> FuncOp:
        values = [v for v, _ in results]
        emit(self.block, ReturnOp, values)
        types = [v.type for v in values]
        properties: dict[str, Attribute] = {
            "sym_name": string_attr(name),
            "sym_visibility": string_attr("private"),
            "function_type": FunctionType.from_lists(self.block.arg_types, types),
        }
        if any(d.data for d in self.arg_attrs):
            properties["arg_attrs"] = ArrayAttr(self.arg_attrs)
        res_attrs = [strides_dictionary(dims_of(v.type), strides) for v, strides in results]
        if any(d.data for d in res_attrs):
            properties["res_attrs"] = ArrayAttr(res_attrs)
        return FuncOp.create(
            properties=properties, attributes=attributes, regions=[Region(self.block)]
        )


def strides_dictionary(sizes: tuple[Dim, ...], strides: Strides) -> DictionaryAttr:
    """`{fxt.strides = [...]}`; empty for row-major tensors."""
    if strides == contiguous_strides(sizes):
        return _NO_ATTRIBUTES
    return DictionaryAttr({"fxt.strides": dims_attr(strides)})


def strides_of_results(
    types: Sequence[Attribute], strides: Sequence[Strides]
) -> dict[str, Attribute]:
    """The attribute `strides` of a call; none where all results are row-major."""
    if all(s == contiguous_strides(dims_of(t)) for t, s in zip(types, strides)):
        return {}
    return {"strides": ArrayAttr([dims_attr(s) for s in strides])}


_NO_ATTRIBUTES = DictionaryAttr({})


@cache
def affine_map(rank: int, dims: tuple[int, ...]) -> AffineMapAttr:
    results = tuple(AffineExpr.dimension(d) for d in dims)
    return AffineMapAttr(AffineMap(rank, 0, results))


@cache
def _iterators(parallel: int, reduced: int) -> ArrayAttr[IteratorTypeAttr]:
    return ArrayAttr(
        [IteratorTypeAttr(IteratorType.PARALLEL)] * parallel
        + [IteratorTypeAttr(IteratorType.REDUCTION)] * reduced
    )


def kernel_name(names: Sequence[str], digest: str) -> str:
    return "_".join([*names[:NAMED_OPS], digest])


def local_symbols(
    groups: Sequence[tuple[Dim, ...]],
) -> tuple[list[tuple[Dim, ...]], tuple[str, ...]]:
    """`groups` with symbols renamed `d0`, `d1`, ... in order of appearance, and the old names."""
    names: dict[str, Dim] = {}
    for group in groups:
        for dim in group:
            for symbol in symbols_of(dim):
                names.setdefault(symbol, f"d{len(names)}")
    if not names:
        return list(groups), ()
    return [tuple(substitute(d, names) for d in group) for group in groups], tuple(names)
