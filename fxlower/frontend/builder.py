"""What rules build `fxt` with: one method for each op, and torch's broadcasting and promotion.

Methods return the value unchanged where the op would do nothing (a cast to the same element
type, a reshape to the same dims), so rules need not test for it. Everything is appended to one
block.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.fx import Node
from xdsl.dialects.builtin import FloatAttr, IntegerAttr
from xdsl.ir import Attribute, Block, OpResult, SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import (
    F32,
    F64,
    FLOATS,
    I1,
    I64,
    Dim,
    dim_attr,
    dims_attr,
    dims_of,
    emit1,
    int_attr,
    string_attr,
    tensor_type,
)
from fxlower.dialects.fxt.view import axes_attr
from fxlower.frontend.registry import NotLowered, Sym
from fxlower.frontend.symbolic import SymbolTable
from fxlower.frontend.types import (
    ELEMENT,
    PART,
    compute_element,
    integer_range,
    promote_elements,
)


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """What the FX graph knows of a tensor: the truth that a rule's result must agree with."""

    element: Attribute
    dims: tuple[Dim, ...]
    strides: tuple[Dim, ...]

    def of_part(self) -> TensorInfo:
        """Of the parts that a value is held in."""
        part = PART.get(self.element)
        return self if part is None else TensorInfo(part, self.dims, self.strides)

    @property
    def type(self) -> Attribute:
        return tensor_type(self.element, self.dims)


Operand = SSAValue | Sym | bool | int | float
"""An argument that stands for data: a tensor, or a number that takes part in broadcasting."""


class RuleBuilder:
    """Appends `fxt` ops to `block` for one FX node at a time."""

    block: Block
    node: Node
    """The FX node that is being lowered, for what its arguments do not say."""
    table: SymbolTable
    """What is known of sizes."""
    results: tuple[TensorInfo | None, ...]
    """The node's results, in the order of the operator's schema; None where one is no tensor. Of
    results that are held in parts (`fxlower.frontend.encoded`), those of a part."""
    elements: tuple[Attribute | None, ...]
    """Of the node's results: complex ones, too."""

    numbers: set[SSAValue]
    """0-d tensors that stand for Python numbers, and so are promoted as these are."""

    late_number: Callable[[Dim], SSAValue | None] | None
    """Where the host gives sizes while the graph runs: makes one a tensor, in the host's order."""

    changed: set[SSAValue]
    """Inputs whose memory the graph changes, and what they are with a part changed."""

    def __init__(self, block: Block, table: SymbolTable):
        self.block = block
        self.table = table
        self.results = ()
        self.elements = ()
        self.numbers = set()
        self.late_number = None
        self.changed = set()

    @property
    def result(self) -> TensorInfo:
        """The node's first result."""
        info = self.results[0]
        if info is None:
            raise NotLowered("the first result is no tensor")
        return info

    # ------------------------------------------------------------------- about values

    @staticmethod
    def dims(value: SSAValue) -> tuple[Dim, ...]:
        return dims_of(value.type)

    @staticmethod
    def element(value: SSAValue) -> Attribute:
        return value.type.element_type  # type: ignore[attr-defined]

    @staticmethod
    def is_tensor(value: object) -> bool:
        return isinstance(value, SSAValue)

    @staticmethod
    def axis(dim: int, rank: int) -> int:
        """`dim` counted from the front; a 0-d tensor counts as 1-d, as in torch."""
        return dim + max(rank, 1) if dim < 0 else dim

    def axes(self, dim: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
        """Ascending axes of a `dim` argument of a reduction; None and [] mean all."""
        if rank == 0:
            return ()
        if dim is None or dim == []:
            return tuple(range(rank))
        if isinstance(dim, int):
            dim = [dim]
        return tuple(sorted(self.axis(d, rank) for d in dim))

    @staticmethod
    def element_of(dtype: Any) -> Attribute:
        """The element type of a `dtype` argument."""
        if dtype not in ELEMENT:
            raise NotLowered(f"no element type for {dtype}")
        return ELEMENT[dtype]

    def promote(self, *args: Operand) -> Attribute:
        """The element type that torch promotes `args` to: of the highest kind (bool, integer,
        float); among those, tensors with dims go before 0-d tensors, and these before numbers."""
        best: list[Attribute | None] = [None, None, None]  # tensors, 0-d tensors, numbers
        for arg in args:
            if arg in self.numbers:
                element, level = _default_float(), 2
            elif isinstance(arg, SSAValue):
                element, level = self.element(arg), 0 if dims_of(arg.type) else 1
            else:
                element, level = _number_element(arg), 2
            known = best[level]
            best[level] = element if known is None else promote_elements(known, element)
        found: Attribute | None = None
        for candidate in best:
            if candidate is not None and (found is None or _kind(candidate) > _kind(found)):
                found = candidate
        if found is None:
            raise NotLowered("no operands to promote")
        return found

    # ------------------------------------------------------------------------ operands

    def operand(
        self, arg: Operand, element: Attribute, dims: tuple[Dim, ...] | None = None
    ) -> SSAValue:
        """`arg` as a tensor of `element` and `dims` (the result's, if None): cast, broadcast."""
        if dims is None:
            dims = self.result.dims
        if isinstance(arg, SSAValue):
            return self.broadcast_to(self.cast(arg, element), dims)
        if isinstance(arg, Sym):
            return self.broadcast_to(self.cast(self.size(arg), element), dims)
        return self.full(arg, element, dims)

    def operands(self, *args: Operand, element: Attribute) -> list[SSAValue]:
        """Each of `args` as a tensor of `element` with the result's dims."""
        return [self.operand(arg, element) for arg in args]

    def compute(self, value: SSAValue) -> SSAValue:
        """`value` in the precision that is computed in: f16 and bf16 become f32."""
        return self.cast(value, compute_element(self.element(value)))

    def to_result(self, value: SSAValue) -> SSAValue:
        """`value` in the element type and dims of the node's result."""
        return self.broadcast_to(self.cast(value, self.result.element), self.result.dims)

    # --------------------------------------------------------------------- elementwise

    def unary(self, op: type[fxt.UnaryOp], x: SSAValue) -> OpResult:
        return emit1(self.block, op, (x,), x.type)

    def binary(self, op: type[fxt.BinaryOp], x: SSAValue, y: SSAValue) -> OpResult:
        if x.type != y.type:
            raise NotLowered(f"operands of {op.name} differ: {x.type} and {y.type}")
        return emit1(self.block, op, (x, y), x.type)

    def neg(self, x: SSAValue) -> OpResult:
        return self.unary(fxt.NegOp, x)

    def abs(self, x: SSAValue) -> OpResult:
        return self.unary(fxt.AbsOp, x)

    def exp(self, x: SSAValue) -> OpResult:
        return self.unary(fxt.ExpOp, x)

    def log(self, x: SSAValue) -> OpResult:
        return self.unary(fxt.LogOp, x)

    def logical_not(self, x: SSAValue) -> OpResult:
        return self.unary(fxt.NotOp, x)

    def add(self, x: SSAValue, y: SSAValue) -> OpResult:
        return self.binary(fxt.AddOp, x, y)

    def sub(self, x: SSAValue, y: SSAValue) -> OpResult:
        return self.binary(fxt.SubOp, x, y)

    def mul(self, x: SSAValue, y: SSAValue) -> OpResult:
        return self.binary(fxt.MulOp, x, y)

    def div(self, x: SSAValue, y: SSAValue) -> OpResult:
        """Quotient; divisors of integers are `nonzero_divisor(y)`."""
        return self.binary(fxt.DivOp, x, y)

    def max(self, x: SSAValue, y: SSAValue) -> OpResult:
        return self.binary(fxt.MaxOp, x, y)

    def min(self, x: SSAValue, y: SSAValue) -> OpResult:
        return self.binary(fxt.MinOp, x, y)

    def logical_and(self, x: SSAValue, y: SSAValue) -> OpResult:
        return self.binary(fxt.AndOp, x, y)

    def logical_or(self, x: SSAValue, y: SSAValue) -> OpResult:
        return self.binary(fxt.OrOp, x, y)

    def compare(self, predicate: str, x: SSAValue, y: SSAValue) -> OpResult:
        if x.type != y.type:
            raise NotLowered(f"operands of fxt.cmp differ: {x.type} and {y.type}")
        return emit1(
            self.block,
            fxt.CmpOp,
            (x, y),
            tensor_type(I1, dims_of(x.type)),
            {"predicate": string_attr(predicate)},
        )

    def is_nan(self, x: SSAValue) -> OpResult:
        return self.compare("ne", x, x)

    def select(self, condition: SSAValue, x: SSAValue, y: SSAValue) -> OpResult:
        """`x` where the condition holds, else `y`."""
        if x.type != y.type or dims_of(condition.type) != dims_of(x.type):
            raise NotLowered(
                f"operands of fxt.select differ: {condition.type}, {x.type} and {y.type}"
            )
        return emit1(self.block, fxt.SelectOp, (condition, x, y), x.type)

    def cast(self, x: SSAValue, element: Attribute) -> SSAValue:
        if self.element(x) == element:
            return x
        return emit1(self.block, fxt.CastOp, (x,), tensor_type(element, dims_of(x.type)))

    def bitcast(self, x: SSAValue, element: Attribute) -> SSAValue:
        if self.element(x) == element:
            return x
        return emit1(self.block, fxt.BitcastOp, (x,), tensor_type(element, dims_of(x.type)))

    def nonzero_divisor(self, x: SSAValue) -> OpResult:
        return emit1(self.block, fxt.NonzeroDivisorOp, (x,), x.type)

    # ---------------------------------------------------------------------- generators

    def full(self, value: float, element: Attribute, dims: Sequence[Dim]) -> SSAValue:
        """Every element is `value`, converted to `element` as torch converts a Python number. It
        may be symbolic, a `Sym` or a tensor of rank 0."""
        if isinstance(value, (Sym, SSAValue)):
            return self.operand(value, element, tuple(dims))
        type_ = tensor_type(element, tuple(dims))
        return emit1(self.block, fxt.FullOp, (), type_, {"value": number_attr(value, element)})

    def full_like(self, value: float, x: SSAValue) -> SSAValue:
        return self.full(value, self.element(x), dims_of(x.type))

    def iota(self, axis: int, dims: Sequence[Dim]) -> OpResult:
        """The index along `axis`, of i64."""
        type_ = tensor_type(I64, tuple(dims))
        return emit1(self.block, fxt.IotaOp, (), type_, {"axis": int_attr(axis)})

    def size(self, size: Dim) -> SSAValue:
        """A size as a 0-d tensor of i64."""
        if self.late_number is not None and (made := self.late_number(size)) is not None:
            return made
        return emit1(self.block, fxt.SizeOp, (), tensor_type(I64, ()), {"size": _plain(size)})

    def size_scalar(self, size: Dim) -> SSAValue:
        """A size as a 0-d tensor of i64: a constant where it is one."""
        return self.full(size, I64, ()) if isinstance(size, int) else self.size(size)

    # --------------------------------------------------------------------------- views

    def reshape(self, x: SSAValue, dims: Sequence[Dim]) -> SSAValue:
        type_ = tensor_type(self.element(x), tuple(dims))
        return x if x.type == type_ else emit1(self.block, fxt.ReshapeOp, (x,), type_)

    def permute(self, x: SSAValue, axes: Sequence[int]) -> SSAValue:
        if list(axes) == list(range(len(axes))):
            return x
        shape = dims_of(x.type)
        type_ = tensor_type(self.element(x), tuple(shape[a] for a in axes))
        return emit1(self.block, fxt.PermuteOp, (x,), type_, {"permutation": axes_attr(axes)})

    def broadcast(self, x: SSAValue, axes: Sequence[int], dims: Sequence[Dim]) -> SSAValue:
        """`fxt.broadcast`: axis i of `x` becomes `axes[i]` of the result."""
        type_ = tensor_type(self.element(x), tuple(dims))
        if x.type == type_:
            return x
        self.expect_equal(dims_of(x.type), [dims[a] for a in axes])
        return emit1(self.block, fxt.BroadcastOp, (x,), type_, {"mapping": axes_attr(axes)})

    def broadcast_to(self, x: SSAValue, dims: tuple[Dim, ...], *, checked: bool = True) -> SSAValue:
        """torch's broadcasting: axes are aligned at the end, and size 1 is repeated. `checked`:
        PyTorch has compared the sizes, see `as_known_equal`."""
        shape = dims_of(x.type)
        if shape == dims:
            return x
        first = len(dims) - len(shape)
        if first < 0:
            raise NotLowered(f"cannot broadcast {list(shape)} to {list(dims)}")
        x = self.as_known_equal(x, dims[first:], repeats=True) if checked else x
        shape = dims_of(x.type)
        axes = [first + i for i, size in enumerate(shape) if size == dims[first + i]]
        if any(size != 1 and size != dims[first + i] for i, size in enumerate(shape)):
            raise NotLowered(f"cannot broadcast {list(shape)} to {list(dims)}")
        kept = self.reshape(x, [dims[a] for a in axes])
        return self.broadcast(kept, axes, dims)

    def unsqueeze(self, x: SSAValue, axis: int) -> SSAValue:
        shape = dims_of(x.type)
        return self.reshape(x, (*shape[:axis], 1, *shape[axis:]))

    def slice(
        self, x: SSAValue, starts: Sequence[Dim], steps: Sequence[int], dims: Sequence[Dim]
    ) -> SSAValue:
        """`fxt.slice`: elements `starts[i] + k * steps[i]`; all must exist."""
        type_ = tensor_type(self.element(x), tuple(dims))
        if x.type == type_ and not any(starts) and all(s == 1 for s in steps):
            return x
        return emit1(
            self.block,
            fxt.SliceOp,
            (x,),
            type_,
            {"starts": dims_attr(_plain_dims(starts)), "steps": axes_attr(steps)},
        )

    def slice_axis(self, x: SSAValue, axis: int, start: Dim, size: Dim, step: int = 1) -> SSAValue:
        """`size` elements along one axis, from `start` on."""
        shape = dims_of(x.type)
        starts: list[Dim] = [0] * len(shape)
        steps = [1] * len(shape)
        starts[axis], steps[axis] = start, step
        return self.slice(x, starts, steps, (*shape[:axis], size, *shape[axis + 1 :]))

    def as_strided(
        self, x: SSAValue, dims: Sequence[Dim], strides: Sequence[Dim], offset: Dim
    ) -> SSAValue:
        return emit1(
            self.block,
            fxt.AsStridedOp,
            (x,),
            tensor_type(self.element(x), tuple(dims)),
            {"strides": dims_attr(_plain_dims(strides)), "offset": _plain(offset)},
        )

    def positions(self, dims: Sequence[Dim], strides: Sequence[int], offset: int) -> SSAValue:
        """Where in memory the elements of a strided tensor are, in elements."""
        position: SSAValue = self.full(offset, I64, dims)
        for axis, stride in enumerate(strides):
            along = self.mul(self.iota(axis, dims), self.full(stride, I64, dims))
            position = self.add(position, along)
        return position

    # --------------------------------------------------------------- reductions, scans

    def reduce(
        self, op: type[fxt.ReductionOp], x: SSAValue, axes: Sequence[int], keepdim: bool = False
    ) -> SSAValue:
        """`x` reduced over `axes`, which stay as size 1 with `keepdim`."""
        shape = dims_of(x.type)
        value: SSAValue = x
        if axes:
            kept = tuple(d for i, d in enumerate(shape) if i not in axes)
            type_ = tensor_type(self.element(x), kept)
            value = emit1(self.block, op, (x,), type_, {"axes": axes_attr(sorted(axes))})
        if not keepdim:
            return value
        return self.reshape(value, [1 if i in axes else d for i, d in enumerate(shape)])

    def sum(self, x: SSAValue, axes: Sequence[int], keepdim: bool = False) -> SSAValue:
        return self.reduce(fxt.SumOp, x, axes, keepdim)

    def amax(self, x: SSAValue, axes: Sequence[int], keepdim: bool = False) -> SSAValue:
        return self.reduce(fxt.AmaxOp, x, axes, keepdim)

    def amin(self, x: SSAValue, axes: Sequence[int], keepdim: bool = False) -> SSAValue:
        return self.reduce(fxt.AminOp, x, axes, keepdim)

    def scan(self, op: type[fxt.ScanOp], x: SSAValue, axis: int) -> OpResult:
        return emit1(self.block, op, (x,), x.type, {"axis": int_attr(axis)})

    def position_scan(self, op: type[fxt.PositionScanOp], x: SSAValue, axis: int) -> OpResult:
        type_ = tensor_type(I64, dims_of(x.type))
        return emit1(self.block, op, (x,), type_, {"axis": int_attr(axis)})

    def argsort(self, x: SSAValue, axis: int, count: Dim, descending: bool = False) -> OpResult:
        """Where the first `count` elements in order along an axis are, of i64."""
        shape = dims_of(x.type)
        properties = {
            "order": string_attr("descending" if descending else "ascending"),
            "axis": int_attr(axis),
        }
        type_ = tensor_type(I64, (*shape[:axis], count, *shape[axis + 1 :]))
        return emit1(self.block, fxt.ArgsortOp, (x,), type_, properties)

    # ------------------------------------------------------- indexing, joining, products

    def normalize_index(self, index: SSAValue, size: Dim) -> OpResult:
        """A valid index into `size` elements; negative ones count from the end."""
        return emit1(self.block, fxt.NormalizeIndexOp, (index,), index.type, {"size": _plain(size)})

    def gather(self, source: SSAValue, indices: Sequence[SSAValue]) -> OpResult:
        """`source[indices[0], indices[1], ...]`, one valid index tensor for each axis."""
        if not indices:
            raise NotLowered("a gather from a 0-d tensor needs no indices")
        shape, rank = dims_of(indices[0].type), len(dims_of(source.type))
        if len(indices) != rank:
            raise NotLowered(f"a rank-{rank} source with {len(indices)} indices")
        if any(i.type != tensor_type(I64, shape) for i in indices):
            raise NotLowered("indices of fxt.gather differ in type")
        type_ = tensor_type(self.element(source), shape)
        return emit1(self.block, fxt.GatherOp, (source, *indices), type_)

    def scatter(
        self,
        mode: str,
        dest: SSAValue,
        updates: SSAValue,
        axes: Sequence[int],
        indices: Sequence[SSAValue],
    ) -> OpResult:
        rest = [d for a, d in enumerate(dims_of(dest.type)) if a not in axes]
        self.expect_equal(dims_of(updates.type), [*dims_of(indices[0].type), *rest])
        return emit1(
            self.block,
            fxt.ScatterOp,
            (dest, updates, *indices),
            dest.type,
            {"mode": string_attr(mode), "axes": axes_attr(axes)},
        )

    def is_nonnegative(self, size: Dim) -> bool:
        """Whether a size is known to be 0 or more, without a new guard."""
        return self.table.is_nonnegative(size)

    def may_be_empty(self, size: Dim) -> bool:
        """Whether there may be no elements: then no clamped index is valid."""
        return not self.is_nonnegative(symbols.sub(size, 1))

    def concat(self, values: Sequence[SSAValue], axis: int) -> SSAValue:
        if len(values) == 1:
            return values[0]
        shape = dims_of(values[0].type)
        total: Dim = 0
        pieces: list[SSAValue] = []
        for value in values:
            value = self.as_known_equal(value, (*shape[:axis], None, *shape[axis + 1 :]))
            other = dims_of(value.type)
            pieces.append(value)
            if (other[:axis], other[axis + 1 :]) != (shape[:axis], shape[axis + 1 :]):
                raise NotLowered(f"operands of fxt.concat differ: {list(shape)}, {list(other)}")
            total = symbols.add(total, other[axis])
        type_ = tensor_type(self.element(values[0]), (*shape[:axis], total, *shape[axis + 1 :]))
        return emit1(self.block, fxt.ConcatOp, pieces, type_, {"axis": int_attr(axis)})

    def pad(self, x: SSAValue, value: float, low: Sequence[Dim], dims: Sequence[Dim]) -> SSAValue:
        """`x` with `low[i]` elements of `value` before and the rest after it along axis i."""
        if tuple(dims) == dims_of(x.type):
            return x
        element = self.element(x)
        return emit1(
            self.block,
            fxt.PadOp,
            (x,),
            tensor_type(element, tuple(dims)),
            {"value": number_attr(value, element), "low": dims_attr(_plain_dims(low))},
        )

    def expect_equal(self, found: Sequence[Dim], wanted: Sequence[Dim]) -> None:
        """Leave it to eager mode to compare sizes that are not known to be equal."""
        if tuple(found) != tuple(wanted):
            raise NotLowered(f"sizes {list(found)} and {list(wanted)} are not known to be equal")

    def as_known_equal(
        self, x: SSAValue, dims: Sequence[Dim | None], *, repeats: bool = False
    ) -> SSAValue:
        """`x` with `dims` for its own (None: unchanged) where an operator needs them equal and
        texts differ, as `s0 + s0//2` and `3*(s0//2)` of an even s0: `SymbolTable.needed_size`.
        `repeats`: a size may be 1 instead, and stays so."""
        shape = dims_of(x.type)
        if len(shape) != len(dims):
            return x
        wanted = [
            old if new is None else self.table.needed_size(old, new, repeats=repeats)
            for old, new in zip(shape, dims)
        ]
        for axis, (old, new) in enumerate(zip(shape, wanted)):
            if new == 1 != old:  # no reshape, which would renumber the elements
                x = self.slice_axis(x, axis, 0, 1)
        return self.reshape(x, wanted)

    def matmul(self, lhs: SSAValue, rhs: SSAValue, element: Attribute | None = None) -> OpResult:
        """Product of matrices, or of batches of them, of that element or the operands'."""
        if element is None and self.element(lhs) != self.element(rhs):
            raise NotLowered(f"a product of {lhs.type} and {rhs.type} is an error in eager mode")
        a = dims_of(lhs.type)
        rhs = self.as_known_equal(rhs, (*a[:-2], a[-1], None))
        c = dims_of(rhs.type)
        if len(a) != len(c) or a[:-2] != c[:-2] or a[-1] != c[-2]:
            raise NotLowered(f"sizes of a product are not known to agree: {list(a)}, {list(c)}")
        type_ = tensor_type(element or self.element(lhs), (*a[:-1], c[-1]))
        return emit1(self.block, fxt.MatmulOp, (lhs, rhs), type_)

    # -------------------------------------------------------------------------- helpers

    def map(self, function: Callable[..., SSAValue], *args: Operand) -> SSAValue:
        """An elementwise function of floats: `args` go in as tensors of one compute type and the
        result's dims, and what comes out is cast to the result's element type. Integers and
        bools are computed in the result's (floating-point) type."""
        element = self.promote(*args)
        if element not in FLOATS:
            element = self.result.element if self.result.element in FLOATS else F32
        compute = compute_element(element)
        return self.to_result(function(*(self.operand(a, compute) for a in args)))


def _number_element(arg: object) -> Attribute:
    if isinstance(arg, bool):
        return I1
    if isinstance(arg, float):
        return _default_float()
    if isinstance(arg, (int, Sym)):
        return I64
    raise NotLowered(f"expected a tensor or a number, got {arg!r}")


def _default_float() -> Attribute:
    return F64 if torch.get_default_dtype() == torch.float64 else F32


def _kind(element: Attribute) -> int:
    return 2 if element in FLOATS else 0 if element == I1 else 1


def _plain(size: Dim) -> Attribute:
    return dim_attr(str(size) if isinstance(size, Sym) else size)


def _plain_dims(sizes: Sequence[Dim]) -> tuple[Dim, ...]:
    return tuple(str(s) if isinstance(s, Sym) else s for s in sizes)


def number_attr(value: float, element: Attribute) -> Attribute:
    """`value` as an attribute of `element`; integers wrap around, floats overflow to inf."""
    if element in FLOATS:
        try:
            return FloatAttr(float(value), element)  # type: ignore[arg-type]
        except OverflowError:
            return FloatAttr(math.copysign(math.inf, value), element)  # type: ignore[arg-type]
    if element == I1:
        return IntegerAttr(int(bool(value)), I1)
    least, greatest = integer_range(element)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotLowered(f"{value} as an integer is undefined")
        value = int(value)
    span = greatest - least + 1
    return IntegerAttr((value - least) % span + least, element)  # type: ignore[arg-type]
