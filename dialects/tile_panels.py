"""`tile.to_panels` and `tile.from_panels`: tensors that lie in panels, before memory is assigned.

A matrix that is multiplied again and again, a weight, is moved to panels once. The kernel that does
it holds a `tile.to_panels`; those that multiply by it take the panels, and hold a
`tile.from_panels`, which says what the panels are and moves nothing.

    %p = tile.to_panels %w, 0, 1 : tensor<768x3072xf32> -> tensor<24x3072x32xf32>
    %w = tile.from_panels %p, 0, 1 : tensor<24x3072x32xf32> -> tensor<768x3072xf32>

The numbers are the dims across the lanes and along the depth. Other dims come first in the panels,
in their order: `tensor<...x panels x depth x lanes>`, or `... x depth/g x lanes x g` in groups of g
steps of depth (see `tile.pack`).
"""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr, TensorType, i64
from xdsl.ir import Attribute
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from fxlower.dialects.build import Dim, dims_of, is_float


def panel_dims(
    sizes: tuple[Dim, ...], lane: int, depth: int, lanes: int, group: int = 1
) -> tuple[int, ...]:
    """The dims of panels of `lanes` of a matrix of static `sizes`."""
    rest = [n for i, n in enumerate(sizes) if i not in (lane, depth)]
    count, steps = sizes[lane], sizes[depth]
    assert isinstance(count, int) and isinstance(steps, int)
    panels = (-(-count // lanes), -(-steps // group), lanes)
    return (*rest, *panels, *((group,) if group > 1 else ()))  # type: ignore[return-value]


def _verify_panels(whole: Attribute, panels: Attribute, lane: int, depth: int) -> None:
    assert isinstance(whole, TensorType) and isinstance(panels, TensorType)
    sizes, found = dims_of(whole), dims_of(panels)
    rank = len(sizes)
    if lane == depth or not (0 <= lane < rank and 0 <= depth < rank):
        raise VerifyException(f"lanes and depth must be dims of {whole}, got {lane} and {depth}")
    if not all(isinstance(n, int) for n in (*sizes, *found)):
        raise VerifyException(f"panels have static sizes, got {whole} and {panels}")
    grouped = len(found) == rank + 2
    if len(found) not in (rank + 1, rank + 2):
        raise VerifyException(f"panels of {whole} have {rank + 1} or {rank + 2} dims, got {panels}")
    lanes, group = (found[-2], found[-1]) if grouped else (found[-1], 1)
    if lanes == 0 or group == 0:
        raise VerifyException(f"panels must have lanes, got {panels}")
    elements = whole.element_type, panels.element_type
    if elements[0] != elements[1] and not all(map(is_float, elements)):
        raise VerifyException(f"only floats may change their type, got {whole} and {panels}")
    expected = panel_dims(sizes, lane, depth, int(lanes), int(group))
    if tuple(found) != expected:
        raise VerifyException(f"panels of {whole} must have dims {list(expected)}, got {panels}")


class _PanelsOp(IRDLOperation):
    """What both ops have: a tensor, the dims of the whole matrix that its panels go along, and the
    same matrix in the other layout."""

    source = operand_def(TensorType)
    lane = prop_def(IntegerAttr.constr(i64))
    depth = prop_def(IntegerAttr.constr(i64))
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$source `,` $lane `,` $depth attr-dict `:` type($source) `->` type($result)"

    def verify_panels(self, whole: Attribute, panels: Attribute) -> None:
        _verify_panels(whole, panels, self.lane.value.data, self.depth.value.data)


@irdl_op_definition
class ToPanelsOp(_PanelsOp):
    """The panels of a matrix; floats may be widened, and what is beyond the last lane is
    unspecified.

    %p = tile.to_panels %w, 0, 1 : tensor<50x70xf32> -> tensor<2x70x32xf32>
    """

    name = "tile.to_panels"

    def verify_(self) -> None:
        self.verify_panels(self.source.type, self.result.type)


@irdl_op_definition
class FromPanelsOp(_PanelsOp):
    """The matrix that lies in panels.

    %w = tile.from_panels %p, 0, 1 : tensor<2x70x32xf32> -> tensor<50x70xf32>
    """

    name = "tile.from_panels"

    def verify_(self) -> None:
        self.verify_panels(self.result.type, self.source.type)
