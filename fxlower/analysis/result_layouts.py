"""In which layout the results of `@main` must be, and which results of kernels are best written so
that views of them have it."""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import BlockArgument, SSAValue

from fxlower.analysis.layout import Strides, declared_strides, is_dense, source_strides
from fxlower.analysis.symbols import contiguous_strides
from fxlower.dialects import fxt
from fxlower.dialects.build import dims_of


class ResultLayouts:
    """The results of `function`, whose arguments lie by `strides`."""

    def __init__(self, function: FuncOp, strides: Mapping[SSAValue, Strides]):
        self.function = function
        self.block = function.body.block
        self.strides = strides
        last = self.block.last_op
        assert isinstance(last, ReturnOp)
        self.terminator = last
        self.operands = tuple(last.operands)
        self.required = self._required_strides()

    def _required_strides(self) -> list[Strides]:
        """The strides of each result of `@main`; of one that is written into an argument, its."""
        function = self.function
        out: list[Strides] = []
        for i, value in enumerate(self.operands):
            strides = declared_strides(value.type, function.res_attrs, i)
            target = self.mutated_argument(i)
            if target is not None and "fxt.strides" not in function.res_attrs.data[i].data:  # type: ignore[union-attr]
                strides = self.strides[target]
            out.append(strides)
        return out

    def mutated_argument(self, result: int) -> SSAValue | None:
        if self.function.res_attrs is None:
            return None
        attribute = self.function.res_attrs.data[result].data.get("fxt.mutates")
        return None if attribute is None else self.block.args[attribute.value.data]  # type: ignore[attr-defined]

    def demands(self) -> dict[SSAValue, Strides]:
        """The strides that the result of a kernel shall have so that a result of `@main` is a
        view of it."""
        demands: dict[SSAValue, Strides] = {}
        for value, strides in zip(self.operands, self.required):
            wanted: Strides | None = strides
            while isinstance(value.owner, fxt.PermuteOp | fxt.ReshapeOp) and wanted is not None:
                wanted = source_strides(value.owner, wanted)
                value = value.owner.input
            if wanted is None or isinstance(value, BlockArgument) or value in demands:
                continue
            made_here = not isinstance(value.owner, (*fxt.VIEWS, fxt.AtenOp))
            if made_here and is_dense(dims_of(value.type), wanted):
                demands[value] = wanted
        for op in self.block.ops:
            if isinstance(op, fxt.ReshapeOp):
                self._demand_of_reshape(op, demands)
        return demands

    def _demand_of_reshape(self, op: fxt.ReshapeOp, demands: dict[SSAValue, Strides]) -> None:
        """A product that is only permuted and reshaped (the heads of attention, put together
        again) is written permuted, in rows as before, so that the reshape is a view."""
        value: SSAValue = op.result
        sizes = dims_of(value.type)
        wanted: Strides | None = contiguous_strides(sizes)
        while isinstance(value.owner, fxt.PermuteOp | fxt.ReshapeOp) and wanted is not None:
            wanted = source_strides(value.owner, wanted)
            value = value.owner.input
            if not value.has_one_use():
                return
        if not isinstance(value.owner, fxt.MatmulOp) or value in demands or not wanted:
            return
        sizes = dims_of(value.type)
        in_rows = wanted[-1] == 1 and is_dense(sizes, wanted)
        if in_rows and wanted != contiguous_strides(sizes):
            demands[value] = wanted
