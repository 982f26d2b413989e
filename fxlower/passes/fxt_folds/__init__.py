"""The simplifications of `canonicalize-fxt`, one family per file, and their table."""

from __future__ import annotations

from xdsl.ir import Operation

from fxlower.dialects import fxt
from fxlower.passes.fxt_folds import algebra, casts, constants, gathers, joins, structured, views
from fxlower.passes.fxt_folds.motion import fold_sink_views
from fxlower.passes.fxt_folds.rebuild import Fold

_ALGEBRA: dict[type[Operation], tuple[Fold, ...]] = {
    fxt.AddOp: (algebra.fold_add,),
    fxt.SubOp: (algebra.fold_sub,),
    fxt.MulOp: (algebra.fold_mul,),
    fxt.DivOp: (algebra.fold_div,),
    fxt.FloordivOp: (algebra.fold_floordiv,),
    fxt.NegOp: (algebra.fold_neg,),
    fxt.AbsOp: (algebra.fold_abs,),
    fxt.NotOp: (algebra.fold_not,),
    fxt.AndOp: (algebra.fold_and,),
    fxt.OrOp: (algebra.fold_or,),
    fxt.XorOp: (algebra.fold_xor,),
    fxt.ShlOp: (algebra.fold_shift,),
    fxt.ShrOp: (algebra.fold_shift,),
    fxt.MaxOp: (algebra.fold_max,),
    fxt.MinOp: (algebra.fold_min,),
    fxt.PowOp: (algebra.fold_pow,),
    fxt.CmpOp: (algebra.fold_cmp,),
    fxt.SelectOp: (algebra.fold_select,),
    fxt.FloorOp: (algebra.fold_rounding,),
    fxt.CeilOp: (algebra.fold_rounding,),
    fxt.RoundOp: (algebra.fold_rounding,),
    fxt.TruncOp: (algebra.fold_rounding,),
    fxt.NonzeroDivisorOp: (algebra.fold_nonzero_divisor,),
    fxt.CastOp: (casts.fold_cast,),
    fxt.BitcastOp: (casts.fold_bitcast,),
}

FOLDS: dict[type[Operation], tuple[Fold, ...]] = {
    **{
        cls: (
            constants.fold_elementwise,
            *_ALGEBRA.get(cls, ()),
            fold_sink_views,
            joins.fold_elementwise_of_join,
        )
        for cls in fxt.ELEMENTWISE
    },
    fxt.NormalizeIndexOp: (constants.fold_normalize_index,),
    fxt.SizeOp: (constants.fold_size,),
    fxt.DenseOp: (constants.fold_dense,),
    fxt.IotaOp: (structured.fold_iota,),
    fxt.ReshapeOp: (views.fold_of_full, views.fold_reshape),
    fxt.PermuteOp: (views.fold_of_full, views.fold_permute),
    fxt.BroadcastOp: (views.fold_of_full, views.fold_broadcast),
    fxt.SliceOp: (views.fold_of_full, views.fold_slice, structured.fold_slice_of_concat),
    **dict.fromkeys(
        fxt.REDUCTIONS,
        (
            structured.fold_reduction,
            structured.fold_reduction_of_permute,
            structured.fold_reduction_of_reshape,
        ),
    ),
    fxt.MatmulOp: (structured.fold_product_of_casts,),
    fxt.ConcatOp: (structured.fold_concat,),
    fxt.PadOp: (structured.fold_pad,),
    fxt.GatherOp: (gathers.fold_gather_counters, gathers.fold_gather_of_elementwise),
    fxt.ScatterOp: (gathers.fold_scatter_of_one,),
}
"""What to try, in order, when an op of a class is built."""
