"""Results of segments that nothing but one view sees are made as that view.

    x5 = segment_0(...)  of [64]                         x6 = segment_0(...)  of [1, 64]
    x6 = view of x5 as [1, 64]                  ->

A view costs the host half a microsecond, and machine code only gets a pointer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from fxlower.analysis.symbols import add, mul, product
from fxlower.dialects.build import Dim
from fxlower.runtime.plan import AtenStep, Buffer, SegmentStep, Shape, ViewStep

Step = SegmentStep | AtenStep | ViewStep


def fold_views(steps: Sequence[Step], kept: Iterable[int]) -> list[Step]:
    """`steps` without the views that can be made at once; `kept` are values that are used after
    all steps."""
    uses = Counter(kept)
    for step in steps:
        uses.update((step.base,) if isinstance(step, ViewStep) else step.operands)
    views = {s.base: s for s in steps if isinstance(s, ViewStep) and uses[s.base] == 1}
    folded: set[int] = set()
    made: list[Step] = []
    for step in steps:
        if isinstance(step, SegmentStep):
            results: list[Buffer] = []
            for buffer in step.results:
                view = views.get(buffer.value)
                if view is not None and is_whole(view, buffer):
                    folded.add(view.value)
                    buffer = replace(
                        buffer,
                        value=view.value,
                        rank=len(view.sizes.dims),
                        sizes=view.sizes,
                        strides=view.strides,
                    )
                results.append(buffer)
            made.append(replace(step, results=tuple(results)))
        elif not (isinstance(step, ViewStep) and step.value in folded):
            made.append(step)
    return made


def is_whole(view: ViewStep, buffer: Buffer) -> bool:
    """Whether `view` has all of the elements, and the memory, of a buffer."""
    return (
        view.offset.dims == (0,)
        and product(view.sizes.dims) == product(buffer.sizes.dims)
        and extent(view.sizes, view.strides) == extent(buffer.sizes, buffer.strides)
    )


def extent(sizes: Shape, strides: Shape) -> Dim:
    """Elements from the first to the end of the last one, where no size is 0."""
    last: Dim = 1
    for size, stride in zip(sizes.dims, strides.dims, strict=True):
        last = add(last, mul(add(size, -1), stride))
    return last
