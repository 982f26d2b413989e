"""Where the elements of a tensor lie: strides of values in memory and of views of them.

Strides are dims (numbers or symbolic text), in elements. One memory layout has one spelling: the
stride of a size-1 dim says nothing, so `canonical` writes the one that a row-major tensor would
have, and contiguous layouts of symbolic sizes are spelled as `contiguous_strides` spells them.
"""

from __future__ import annotations

from functools import cache

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, NoneType
from xdsl.ir import Operation

from fxlower.analysis.symbols import add, contiguous_strides, exact_div, mul, product
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim, dim_of, dims_from, dims_of
from fxlower.dialects.fxt.view import axes_of

Strides = tuple[Dim, ...]


@cache
def canonical(sizes: tuple[Dim, ...], strides: Strides) -> Strides:
    """The one spelling of a layout; see the module's docstring."""
    if len(sizes) != len(strides):
        raise ValueError(f"{len(sizes)} sizes {list(sizes)} need as many strides, got {strides}")
    rows = contiguous_strides(sizes)
    if 0 in sizes or all(n == 1 or s == r for n, s, r in zip(sizes, strides, rows)):
        return rows
    out: list[Dim] = []
    step: Dim = 1
    for size, stride in zip(reversed(sizes), reversed(strides)):
        out.append(step if size == 1 else stride)
        step = mul(out[-1], size)
    return tuple(reversed(out))


def is_row_major(sizes: tuple[Dim, ...], strides: Strides) -> bool:
    return canonical(sizes, strides) == contiguous_strides(sizes)


@cache
def reshape_strides(
    sizes: tuple[Dim, ...], strides: Strides, new_sizes: tuple[Dim, ...]
) -> Strides | None:
    """The strides of a tensor of `sizes` and `strides` seen under `new_sizes`, or None where the
    same elements in row-major order have none: dims that are merged must be adjacent in memory.
    """
    if 0 in sizes or is_row_major(sizes, strides):
        return contiguous_strides(new_sizes)
    old = [(n, s) for n, s in zip(sizes, strides) if n != 1]
    out: list[Dim] = []
    position = 0  # in new_sizes
    first = 0  # of the run of old dims that is being matched
    while first < len(old):
        run, count = first + 1, old[first][0]
        start, new_count = position, 1
        while True:
            if count == new_count and position > start:
                break
            if position < len(new_sizes) and exact_div(count, new_count) is not None:
                new_count = mul(new_count, new_sizes[position])
                position += 1
            elif run < len(old):
                count = mul(count, old[run][0])
                run += 1
            elif position < len(new_sizes):
                new_count = mul(new_count, new_sizes[position])
                position += 1
            else:
                break
        if product(n for n, _ in old[first:run]) != product(new_sizes[start:position]):
            return None  # symbolic counts that cannot be matched
        for (_, outer_stride), (size, stride) in zip(old[first : run - 1], old[first + 1 : run]):
            if outer_stride != mul(size, stride):
                return None
        step = old[run - 1][1]
        part: list[Dim] = []
        for size in reversed(new_sizes[start:position]):
            part.append(step)
            step = mul(step, size)
        out += reversed(part)
        first = run
    if any(n != 1 for n in new_sizes[position:]):
        return None
    out += [1] * (len(new_sizes) - position)
    return canonical(new_sizes, tuple(out))


def view_strides(op: Operation, strides: Strides) -> Strides | None:
    """The strides of the result of the view `op` where its operand has `strides`; None where the
    result cannot be a view of it."""
    result = dims_of(op.results[0].type)
    if isinstance(op, fxt.ReshapeOp):
        return reshape_strides(dims_of(op.input.type), strides, result)
    return canonical(result, _plain_view(op, strides, len(result)))


def _plain_view(op: Operation, strides: Strides, rank: int) -> Strides:
    match op:
        case fxt.PermuteOp():
            return tuple(strides[a] for a in op.axes)
        case fxt.BroadcastOp():
            out: list[Dim] = [0] * rank
            for axis, stride in zip(op.axes, strides):
                out[axis] = stride
            return tuple(out)
        case fxt.SliceOp():
            return tuple(mul(s, k) for s, k in zip(strides, axes_of(op.steps)))
        case fxt.AsStridedOp():
            return dims_from(op.strides)
        case _:
            raise TypeError(f"not a view: {op.name}")


def view_offset(op: Operation, strides: Strides) -> Dim:
    """Elements from the first element of the operand to that of the result."""
    offset: Dim = 0
    if isinstance(op, fxt.SliceOp):
        for start, stride in zip(dims_from(op.starts), strides):
            offset = add(offset, mul(start, stride))
    elif isinstance(op, fxt.AsStridedOp):
        offset = dim_of(op.offset)
    return offset


def source_strides(op: Operation, wanted: Strides) -> Strides | None:
    """The strides that the operand of the view `op` must have for its result to have `wanted`, or
    None where the operand is not all of the result."""
    source, result = dims_of(op.operands[0].type), dims_of(op.results[0].type)
    if isinstance(op, fxt.PermuteOp):
        out: list[Dim] = [0] * len(source)
        for axis, stride in zip(op.axes, wanted):
            out[axis] = stride
        return canonical(source, tuple(out))
    if isinstance(op, fxt.ReshapeOp):
        strides = reshape_strides(result, wanted, source)
        if strides is not None and reshape_strides(source, strides, result) == canonical(
            result, wanted
        ):
            return strides
    return None


def is_dense(sizes: tuple[Dim, ...], strides: Strides) -> bool:
    """Whether `strides` are those of a row-major tensor with its dims permuted: every element of
    one block of memory once, which a kernel may write."""
    if 0 in sizes or is_row_major(sizes, strides):
        return True
    remaining = [(n, s) for n, s in zip(sizes, canonical(sizes, strides)) if n != 1]
    step: Dim = 1
    while remaining:
        found = next((pair for pair in remaining if pair[1] == step), None)
        if found is None:
            return False
        remaining.remove(found)
        step = mul(step, found[0])
    return True


def has_own_elements(sizes: tuple[Dim, ...], strides: Strides) -> bool:
    """Whether each element surely has memory of its own: `strides` are of a dense tensor or, in
    numbers, jump over all that the dims inside take."""
    if is_dense(sizes, strides):
        return True
    steps: list[tuple[int, int]] = []
    for size, stride in zip(sizes, strides):
        if not isinstance(size, int) or not isinstance(stride, int):
            return False
        if size > 1:
            steps.append((stride, size))
    reach = 0
    for stride, size in sorted(steps):
        if stride <= reach:
            return False
        reach += (size - 1) * stride
    return True


def declared_strides(
    type_: object, attributes: ArrayAttr[DictionaryAttr] | None, index: int
) -> Strides:
    """Strides of argument or result `index` of a function: `fxt.strides`, or row-major."""
    if isinstance(type_, NoneType):
        return ()  # no strided tensor
    sizes = dims_of(type_)  # type: ignore[arg-type]
    if attributes is not None:
        found = attributes.data[index].data.get("fxt.strides")
        if found is not None:
            return canonical(sizes, dims_from(found))
    return contiguous_strides(sizes)


def result_strides(op: Operation, index: int) -> Strides:
    """Strides of a result of `fxt.aten` or of a call in the host's plan: its attribute `strides`,
    or row-major."""
    type_ = op.results[index].type
    if isinstance(type_, NoneType):
        return ()
    sizes = dims_of(type_)
    found = op.attributes.get("strides")
    if isinstance(found, ArrayAttr):
        return canonical(sizes, dims_from(found.data[index]))
    return contiguous_strides(sizes)
