"""Complex numbers, as pairs of a real and an imaginary part (`fxlower.frontend.encoded`).

What has no rule here runs in eager mode. A sum is one of parts: eager multiplies the second operand
by alpha = 1 + 0j first, which makes NaN of infinite parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from xdsl.dialects.builtin import ComplexType
from xdsl.ir import Attribute, SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import FLOATS, I1, Dim
from fxlower.frontend.aten import arithmetic, logic
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.encoded import Encoded
from fxlower.frontend.parts import MOVES, by_parts, operator_named
from fxlower.frontend.registry import NotLowered, lowers_complex

aten = torch.ops.aten
prims = torch.ops.prims


@dataclass(frozen=True)
class Pair:
    """A complex value: what rules here compute with."""

    re: SSAValue
    im: SSAValue


def encoded(value: Pair) -> Encoded:
    element = value.re.type.element_type  # type: ignore[attr-defined]
    return Encoded(ComplexType(element), (value.re, value.im))


def pair(
    b: RuleBuilder, x: Any, element: Attribute | None = None, dims: tuple[Dim, ...] | None = None
) -> Pair:
    """A tensor or number as parts of `element` and `dims`, by default those of the result."""
    element = b.result.element if element is None else element
    if isinstance(x, Encoded):
        re, im = x.parts
    elif isinstance(x, complex):
        re, im = x.real, x.imag
    else:
        re, im = x, 0.0
    return Pair(b.operand(re, element, dims), b.operand(im, element, dims))


def pairs(b: RuleBuilder, *args: Any) -> list[Pair]:
    """Arguments that are promoted to the dtype of the result, and broadcast to its dims."""
    return [pair(b, a) for a in args]


def own(b: RuleBuilder, x: Any) -> Pair:
    """As it is; numbers that stand for tensors get the result's type."""
    return Pair(*x.parts) if isinstance(x, Encoded) else pair(b, x)


# -------------------------------------------------------------------- part by part

LINEAR = (
    "neg.default sum.default sum.dim_IntList mean.default mean.dim cumsum.default tril.default "
    "triu.default"
)

BY_PARTS = {
    **dict.fromkeys([*MOVES, *LINEAR.split()], ()),
    "cat.default": (0,),
    "stack.default": (0,),
    "constant_pad_nd.default": (0, 2),
    "where.self": (1, 2),
    "masked_fill.Scalar": (0, 2),
    "masked_fill.Tensor": (0, 2),
    "full.default": (1,),
    "full_like.default": (1,),
    "new_full.default": (2,),
    "fill.Scalar": (1,),
    "fill.Tensor": (1,),
    "scalar_tensor.default": (0,),
    "zeros.default": (),
    "zeros_like.default": (),
    "new_zeros.default": (),
    "empty.memory_format": (),
    "empty_like.default": (),
    "empty_strided.default": (),
    "new_empty.default": (),
    "new_empty_strided.default": (),
    "copy.default": (0, 1),
    "select_scatter.default": (0, 1),
    "slice_scatter.default": (0, 1),
    "index_put.default": (0, 2),
}
"""Operators that are done to each part alone, and which arguments hold their data."""

for _name, _data in BY_PARTS.items():
    _operator = operator_named(_name)
    lowers_complex(_operator)(by_parts(_operator, *_data))


@lowers_complex(aten.ones.default, aten.ones_like.default, aten.new_ones.default)
def ones(b: RuleBuilder, *args: Any, **kwargs: Any) -> Encoded:
    return encoded(pair(b, 1))


# ------------------------------------------------------------------- parts and views


@lowers_complex(aten.view_as_real.default, aten.view_as_real_copy.default)
def view_as_real(b: RuleBuilder, x: Encoded) -> SSAValue:
    axis = len(x.dims)
    return b.concat([b.unsqueeze(p, axis) for p in x.parts], axis)


@lowers_complex(aten.view_as_complex.default, aten.view_as_complex_copy.default)
def view_as_complex(b: RuleBuilder, x: SSAValue) -> Encoded:
    dims = b.result.dims
    re, im = (b.reshape(b.slice_axis(x, len(dims), i, 1), dims) for i in range(2))
    return encoded(Pair(re, im))


@lowers_complex(aten.real.default, prims.real.default)
def real(b: RuleBuilder, x: Encoded) -> SSAValue:
    return x.parts[0]


@lowers_complex(aten.imag.default, prims.imag.default)
def imag(b: RuleBuilder, x: Encoded) -> SSAValue:
    return x.parts[1]


@lowers_complex(aten.complex.default)
def complex_(b: RuleBuilder, re: SSAValue, im: SSAValue) -> Encoded:
    return encoded(Pair(*b.operands(re, im, element=b.result.element)))


@lowers_complex(aten.polar.default)
def polar(b: RuleBuilder, length: SSAValue, angle: SSAValue) -> Encoded:
    size, phase = b.operands(length, angle, element=b.result.element)
    return encoded(_turned(b, size, phase))


def _turned(b: RuleBuilder, size: SSAValue, phase: SSAValue) -> Pair:
    cosine, sine = b.unary(fxt.CosOp, phase), b.unary(fxt.SinOp, phase)
    return Pair(b.mul(size, cosine), b.mul(size, sine))


@lowers_complex(aten._conj.default, aten._conj_copy.default, aten._conj_physical.default)
@lowers_complex(aten.conj_physical.default, prims.conj.default, prims.conj_physical.default)
def conj(b: RuleBuilder, x: Any) -> Encoded:
    """Eager only sets a bit; here no value has one, and the negation fuses with what reads it."""
    value = own(b, x)
    return encoded(Pair(value.re, b.neg(value.im)))


@lowers_complex(aten._neg_view.default)
def neg_view(b: RuleBuilder, x: Encoded) -> Encoded:
    value = own(b, x)
    return encoded(Pair(b.neg(value.re), b.neg(value.im)))


@lowers_complex(aten.resolve_conj.default, aten.resolve_neg.default)
def resolve(b: RuleBuilder, x: Any) -> Encoded:
    return encoded(own(b, x))


@lowers_complex(aten._to_copy.default, prims.convert_element_type.default)
def convert(b: RuleBuilder, x: Any, *args: Any, **kwargs: Any) -> SSAValue | Encoded:
    """A complex number as a real one is its real part; as a bool, whether it is not 0."""
    if isinstance(b.elements[0], ComplexType):
        return encoded(pair(b, x))
    if b.result.element == I1:
        return b.logical_or(*(b.cast(p, I1) for p in x.parts))
    return b.to_result(x.parts[0])


# ------------------------------------------------------------------------- arithmetic


@lowers_complex(aten.add.Tensor, aten.add.Scalar, prims.add.default)
def add(b: RuleBuilder, lhs: Any, rhs: Any, alpha: Any = 1) -> Encoded:
    x, y = pairs(b, lhs, rhs)
    y = _scaled(b, y, alpha)
    return encoded(Pair(b.add(x.re, y.re), b.add(x.im, y.im)))


@lowers_complex(aten.sub.Tensor, aten.sub.Scalar, prims.sub.default)
def sub(b: RuleBuilder, lhs: Any, rhs: Any, alpha: Any = 1) -> Encoded:
    x, y = pairs(b, lhs, rhs)
    y = _scaled(b, y, alpha)
    return encoded(Pair(b.sub(x.re, y.re), b.sub(x.im, y.im)))


@lowers_complex(aten.rsub.Tensor, aten.rsub.Scalar)
def rsub(b: RuleBuilder, lhs: Any, rhs: Any, alpha: Any = 1) -> Encoded:
    return sub(b, rhs, lhs, alpha)


def _scaled(b: RuleBuilder, x: Pair, factor: Any) -> Pair:
    return x if factor == 1 else product(b, x, pair(b, factor))


def product(b: RuleBuilder, x: Pair, y: Pair) -> Pair:
    """Without C's search for infinities among NaNs, as eager's vectors."""
    re = b.sub(b.mul(x.re, y.re), b.mul(x.im, y.im))
    return Pair(re, b.add(b.mul(x.re, y.im), b.mul(x.im, y.re)))


@lowers_complex(aten.mul.Tensor, aten.mul.Scalar, prims.mul.default)
def mul(b: RuleBuilder, lhs: Any, rhs: Any) -> Encoded:
    return encoded(product(b, *pairs(b, lhs, rhs)))


@lowers_complex(aten.square.default)
def square(b: RuleBuilder, x: Any) -> Encoded:
    return mul(b, x, x)


@lowers_complex(aten.addcmul.default)
def addcmul(b: RuleBuilder, x: Any, lhs: Any, rhs: Any, *, value: Any = 1) -> Encoded:
    start, first, second = pairs(b, x, lhs, rhs)
    term = product(b, _scaled(b, first, value), second)
    return encoded(Pair(b.add(start.re, term.re), b.add(start.im, term.im)))


@lowers_complex(aten.div.Tensor, aten.div.Scalar, aten.true_divide.Tensor, prims.div.default)
def div(b: RuleBuilder, lhs: Any, rhs: Any) -> Encoded:
    return encoded(quotient(b, *pairs(b, lhs, rhs)))


@lowers_complex(aten.reciprocal.default, prims.reciprocal.default)
def reciprocal(b: RuleBuilder, x: Any) -> Encoded:
    return div(b, 1, x)


def quotient(b: RuleBuilder, x: Pair, y: Pair) -> Pair:
    """Smith's: by the larger part of the divisor first, so that squares do not overflow."""
    real_is_larger = b.compare("ge", b.abs(y.re), b.abs(y.im))
    large = b.select(real_is_larger, y.re, y.im)
    small = b.select(real_is_larger, y.im, y.re)
    nothing = b.full_like(0, large)
    zero = b.logical_and(b.compare("eq", large, nothing), b.compare("eq", small, nothing))
    ratio = b.select(zero, nothing, b.div(small, large))
    length = b.add(large, b.mul(small, ratio))
    length = b.select(zero, b.abs(large), length)
    first = b.select(real_is_larger, x.re, x.im)
    second = b.select(real_is_larger, x.im, x.re)
    re = b.select(zero, first, b.add(first, b.mul(second, ratio)))
    im = b.select(zero, second, b.sub(second, b.mul(first, ratio)))
    re, im = b.div(re, length), b.div(im, length)
    return Pair(re, b.select(real_is_larger, im, b.neg(im)))


# -------------------------------------------------------------------------- functions


@lowers_complex(aten.abs.default, prims.abs.default)
def abs_(b: RuleBuilder, x: Encoded) -> SSAValue:
    return arithmetic.hypot(b, *x.parts)


@lowers_complex(aten.angle.default)
def angle(b: RuleBuilder, x: Encoded) -> SSAValue:
    return b.binary(fxt.Atan2Op, x.parts[1], x.parts[0])


@lowers_complex(aten.sgn.default, prims.sign.default)
def sgn(b: RuleBuilder, x: Encoded) -> Encoded:
    length = arithmetic.hypot(b, *x.parts)
    zero = b.full_like(0, length)
    is_zero = b.compare("eq", length, zero)
    return encoded(Pair(*(b.select(is_zero, zero, b.div(p, length)) for p in x.parts)))


@lowers_complex(aten.exp.default, prims.exp.default)
def exp(b: RuleBuilder, x: Encoded) -> Encoded:
    """Of a real number (the imaginary part 0) it is one, even where the real part overflows; and
    infinities without a direction are those of C."""
    re, phase = x.parts
    size = b.exp(re)
    turned = _turned(b, size, phase)
    is_real = b.compare("eq", phase, b.full_like(0, phase))
    lost = b.logical_not(logic.isfinite(b, phase))
    is_zero = b.logical_and(lost, b.compare("eq", re, b.full_like(-math.inf, re)))
    is_infinite = b.logical_and(lost, b.compare("eq", b.abs(re), b.full_like(math.inf, re)))
    made_re = b.select(b.logical_or(is_real, is_infinite), size, turned.re)
    made_im = b.select(is_zero, b.full_like(0, phase), turned.im)
    return encoded(Pair(made_re, b.select(is_real, phase, made_im)))


@lowers_complex(aten.log.default, prims.log.default)
def log(b: RuleBuilder, x: Encoded) -> Encoded:
    return encoded(Pair(b.log(arithmetic.hypot(b, *x.parts)), angle(b, x)))


# ------------------------------------------------------------------------ comparisons


def _equal(b: RuleBuilder, lhs: Any, rhs: Any) -> SSAValue:
    """Operands of a comparison are promoted to each other's type: that of the widest part."""
    parts = [p for x in (lhs, rhs) for p in (x.parts if isinstance(x, Encoded) else (x,))]
    parts = [p.real if isinstance(p, complex) else p for p in parts]
    element = b.promote(*parts)
    if element not in FLOATS:
        raise NotLowered("a comparison of integers with a complex number")
    x, y = (pair(b, v, element) for v in (lhs, rhs))
    return b.logical_and(b.compare("eq", x.re, y.re), b.compare("eq", x.im, y.im))


@lowers_complex(aten.eq.Tensor, aten.eq.Scalar, prims.eq.default)
def eq(b: RuleBuilder, lhs: Any, rhs: Any) -> SSAValue:
    return _equal(b, lhs, rhs)


@lowers_complex(aten.ne.Tensor, aten.ne.Scalar, prims.ne.default)
def ne(b: RuleBuilder, lhs: Any, rhs: Any) -> SSAValue:
    return b.logical_not(_equal(b, lhs, rhs))


@lowers_complex(aten.isnan.default)
def isnan(b: RuleBuilder, x: Encoded) -> SSAValue:
    return b.logical_or(*(b.is_nan(p) for p in x.parts))


@lowers_complex(aten.isinf.default)
def isinf(b: RuleBuilder, x: Encoded) -> SSAValue:
    return b.logical_or(*(logic.isinf(b, p) for p in x.parts))


@lowers_complex(aten.isfinite.default, prims.isfinite.default)
def isfinite(b: RuleBuilder, x: Encoded) -> SSAValue:
    return b.logical_and(*(logic.isfinite(b, p) for p in x.parts))


# --------------------------------------------------------------------------- products


@lowers_complex(aten.mm.default, aten.bmm.default)
def mm(b: RuleBuilder, lhs: Encoded, rhs: Encoded) -> Encoded:
    return encoded(_matmul(b, own(b, lhs), own(b, rhs)))


def _matmul(b: RuleBuilder, x: Pair, y: Pair) -> Pair:
    """One real product of twice the depth for each part: [re, im] @ [re; -im], [im; re]."""
    axis = len(b.dims(x.re)) - 1
    left = b.concat([x.re, x.im], axis)
    re = b.matmul(left, b.concat([y.re, b.neg(y.im)], axis - 1))
    return Pair(re, b.matmul(left, b.concat([y.im, y.re], axis - 1)))


@lowers_complex(aten.addmm.default, aten.baddbmm.default)
def addmm(
    b: RuleBuilder, x: Any, lhs: Encoded, rhs: Encoded, *, beta: Any = 1, alpha: Any = 1
) -> Encoded:
    value = _scaled(b, _matmul(b, own(b, lhs), own(b, rhs)), alpha)
    if beta == 0:
        return encoded(value)
    bias = _scaled(b, pair(b, x), beta)
    return encoded(Pair(b.add(value.re, bias.re), b.add(value.im, bias.im)))


@lowers_complex(aten.mv.default)
def mv(b: RuleBuilder, matrix: Encoded, vector: Encoded) -> Encoded:
    column = Pair(*(b.unsqueeze(p, 1) for p in vector.parts))
    made = _matmul(b, own(b, matrix), column)
    return encoded(Pair(*(b.reshape(p, b.result.dims) for p in (made.re, made.im))))


@lowers_complex(aten.dot.default)
def dot(b: RuleBuilder, lhs: Encoded, rhs: Encoded) -> Encoded:
    made = product(b, own(b, lhs), own(b, rhs))
    return encoded(Pair(b.sum(made.re, (0,)), b.sum(made.im, (0,))))


@lowers_complex(aten.vdot.default)
def vdot(b: RuleBuilder, lhs: Encoded, rhs: Encoded) -> Encoded:
    return dot(b, conj(b, lhs), rhs)
