"""`tile-contractions`: turn contraction kernels into loops over register tiles of packed panels.

Before:

    func.func private @matmul_1a2b(%a: tensor<64x32xf32>, %b: tensor<32x96xf32>)
        -> tensor<64x96xf32> attributes {fxlower.kernel = "contraction", fxlower.schedule = {...}} {
      %c = linalg.generic {...} ins(%a, %b) outs(%zeros) {mulf, addf}
      func.return %c

After:

    func.func private @matmul_1a2b(%a: memref<64x32xf32>, %b: memref<32x96xf32>,
        %out: memref<64x96xf32>) {
      "scf.parallel"(%c0, %c1, %c1) ({
      ^bb0(%block: index):
        %a_panels = memref.alloca() : memref<8x32x8xf32>
        %b_panel = memref.alloca() : memref<1x32x48xf32>
        tile.pack %left[%c0, %c0] bounds %c64, %c32 into %a_panels
        scf.for %q = %c0 to %c2 step %c1 {
          tile.pack %right[%j, %c0] bounds %c48, %c32 into %b_panel
          scf.for %p = %c0 to %c8 step %c1 {
            %1 = tile.zero : !tile.acc<8x48xf32>
            %2 = tile.mma %a_panels[%p, %c0], %b_panel[%c0, %c0], %c32, %1
            tile.store %2, %result[%i, %j]

This is a schedule of 8 x 48 tiles in one block, with types and casts left out. With `pack_left = 0`
or `pack_right = 0` there is no `tile.pack` of that operand, and `tile.mma` reads its own memory
(`fxlower/passes/panel_sources.py`). Where the depth is larger than `kc`, a loop over steps of it is
around all this, and each step but the first begins with a `tile.load`; tiles at edges are smaller,
or have bounds. Before an epilogue, and if the result has no unit stride, finished tiles go to a
tile in the scratchpad (`fxlower/passes/tiled_contraction.py`).

Products whose schedule says `mc = 0` (few rows, tiny, or of integers for which there is no dot
product instruction) become plain loops without packing, marked for `vectorize`: see
`fxlower/passes/direct_contractions.py`.

Needs kernels of kind `contraction` as docs/design.md, section 4 states; a missing
`fxlower.schedule` is chosen here. Leaves the kernel on memrefs, with no `linalg` and no `tensor`
op in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.contraction import Contraction, read_contraction
from fxlower.analysis.contraction_schedule import orient, schedule_contraction
from fxlower.analysis.panels import panel_format
from fxlower.passes.destination_style import DestinationFunction, kernels_of_kind
from fxlower.passes.direct_contractions import build_direct
from fxlower.passes.target import target_of
from fxlower.passes.tiled_contraction import BlockSizes, TiledContraction
from fxlower.targets.spec import TargetSpec

_KEYS = ("mr", "nr", "mc", "nc", "kc", "grain", "pack_left", "pack_right", "prefetch")


def _schedule_of(kernel: FuncOp) -> dict[str, int] | None:
    """The kernel's schedule, if it has one."""
    attribute = kernel.attributes.get("fxlower.schedule")
    if attribute is None:
        return None
    found = (
        {k: v.value.data for k, v in attribute.data.items() if isinstance(v, IntegerAttr)}
        if isinstance(attribute, DictionaryAttr)
        else {}
    )
    if sorted(found) != sorted(_KEYS):
        raise PassFailedException(
            f"tile-contractions: the schedule of '{kernel.sym_name.data}' must have the integers "
            f"{', '.join(_KEYS)}, got {attribute}"
        )
    positive = [found[key] for key in ("mr", "nr", "mc", "nc", "kc", "grain")]
    if found["mc"] and (
        min(positive) < 1 or found["mc"] % found["mr"] or found["nc"] % found["nr"]
    ):
        raise PassFailedException(
            f"tile-contractions: the schedule of '{kernel.sym_name.data}' must have positive sizes "
            f"with mc a multiple of mr and nc of nr, got {attribute}"
        )
    return found


def _require_readable(kernel: FuncOp, contraction: Contraction, schedule: dict[str, int]) -> None:
    """Products read operands in place as they are: of the accumulators' type, the left one in
    tiles of known heights, the right one in vectors."""
    left, right, element = contraction.left, contraction.right, contraction.element
    problems: dict[str, str] = {}
    if left.panels:
        pass
    elif left.element != element:
        problems["pack_left"] = f"of {left.element}, not {element}"
    elif not isinstance(contraction.rows, int):
        problems["pack_left"] = f"of {contraction.rows} rows, which no tile ends with"
    if right.panels:
        pass
    elif right.element != element:
        problems["pack_right"] = f"of {right.element}, not {element}"
    elif right.lane != 1:
        problems["pack_right"] = f"of stride {right.lane}, not 1, across its columns"
    for key, problem in problems.items():
        if not schedule[key]:
            raise PassFailedException(
                f"tile-contractions: the schedule of '{kernel.sym_name.data}' has {key} = 0, but "
                f"that operand is {problem}"
            )


def tile_contraction(kernel: FuncOp, target: TargetSpec) -> None:
    """Replace one contraction kernel by its loops."""
    contraction = read_contraction(kernel)
    schedule = _schedule_of(kernel) or schedule_contraction(contraction, target)
    tiled = schedule["mc"] > 0
    if not tiled and (contraction.left.panels or contraction.right.panels):
        raise PassFailedException(
            f"tile-contractions: '{kernel.sym_name.data}' has an operand in panels; give it a "
            "schedule with mc > 0"
        )
    contraction = orient(contraction, tiled)
    panels = panel_format(contraction, target) if tiled else None
    if tiled and panels is None:
        raise PassFailedException(
            f"tile-contractions: '{kernel.sym_name.data}' accumulates in {contraction.element}, "
            "which has no register tiles; give it a schedule with mc = 0"
        )
    if panels is not None:
        _require_readable(kernel, contraction, schedule)
    function = DestinationFunction(kernel, trap=contraction.may_trap)
    if panels is not None:
        TiledContraction(function, contraction, target).build(BlockSizes(**schedule), panels)
    else:
        build_direct(function, contraction, target, schedule)
    function.finish()


@dataclass(frozen=True)
class TileContractionsPass(ModulePass):
    """Turn contraction kernels into loops over register tiles."""

    name = "tile-contractions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for kernel in kernels_of_kind(op, "contraction"):
            tile_contraction(kernel, target)
