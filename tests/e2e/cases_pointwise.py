"""Cases of elementwise operators, casts and generators."""

# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

import torch
import torch.nn.functional as F
from case import LOW_PRECISION, M, N, between, bools, case, constant, floats, integers, special

INTEGER_DTYPES = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
FLOAT_DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


ARITHMETIC = [
    case("add", torch.add, floats(M, N), floats(M, N), dtypes=LOW_PRECISION),
    case("add_broadcast", torch.add, floats(M, 1, N), floats(3, 1)),
    case("add_scalar", lambda x: x + 2.5, floats(M, N)),
    case("add_alpha", lambda x, y: torch.add(x, y, alpha=3), floats(M, N), floats(N)),
    case("add_0d", torch.add, floats(M, N), floats()),
    case("outer_of_a_map", lambda x, y: x.sin()[:, None] * x.sin()[None] + y, floats(N), floats(N)),
    case("add_0d_0d", torch.add, floats(), floats()),
    case("remainder_empty", lambda x: (x % x.shape[1], (x % 0).sum(1)), integers(0, 9, N, 0), dynamic=False),
    case("add_empty", torch.add, floats(0, N), floats(N)),
    case("add_transposed", torch.add, floats(M, N, layout=lambda x: x.t()), floats(N, M)),
    case("add_strided", torch.add, floats(M, 74, layout=lambda x: x[:, ::2]), floats(37)),
    case("add_offset", torch.add, floats(M, N, layout=lambda x: x[1:, 3:]), floats(1)),
    case("add_expanded", torch.add, floats(M, 1, layout=lambda x: x.expand(-1, 9)), floats(9)),
    case("add_int_float", torch.add, integers(-9, 9, N), floats(N)),
    case("add_bool_int", torch.add, bools(N), integers(-9, 9, N)),
    case("add_bools", torch.add, bools(N), bools(N)),
    case("add_f32_f64", lambda x: x + x.double(), floats(M, N)),
    case("sub", torch.sub, floats(M, N), floats(N)),
    case("rsub", lambda x: 1 - x, floats(M, N)),
    case("mul", torch.mul, floats(M, N), floats(N), dtypes=LOW_PRECISION),
    case("mul_chain", lambda x, y: (x * y + x) * 0.5 - y / 3, floats(M, N), floats(N)),
    case("div", torch.div, floats(M, N), between(0.5, 2, N)),
    case("div_ints", torch.div, integers(-9, 9, N), integers(1, 9, N)),
    case("div_by_zero", torch.div, special(N), constant(torch.zeros(())), grad=False),
    case("div_floor", lambda x, y: torch.div(x, y, rounding_mode="floor"), floats(M, N), between(0.5, 2, N)),
    case("div_trunc", lambda x, y: torch.div(x, y, rounding_mode="trunc"), floats(M, N), between(0.5, 2, N)),
    case("floor_divide", torch.floor_divide, integers(-99, 99, N), integers(1, 9, N)),
    case("floor_divide_negative", torch.floor_divide, integers(-99, 99, N), integers(-9, 0, N)),
    case("trunc_divide", lambda x, y: torch.div(x, y, rounding_mode="trunc"), integers(-99, 99, N), integers(1, 9, N)),
    case("remainder", torch.remainder, floats(M, N), between(0.5, 2, N)),
    case("remainder_ints", torch.remainder, integers(-99, 99, N), integers(-9, 0, N)),
    case("remainder_scalar", lambda x: x % 3, integers(-99, 99, N)),
    case("fmod", torch.fmod, floats(M, N), between(0.5, 2, N)),
    case("neg", torch.neg, floats(M, N)),
    case("abs", torch.abs, floats(M, N)),
    case("abs_ints", torch.abs, integers(-99, 99, N)),
    case("sign", torch.sign, special(M, N), grad=False),
    case("addcmul", lambda x, y, z: torch.addcmul(x, y, z, value=0.5), floats(N), floats(N), floats(N)),
    case("addcdiv", lambda x, y, z: torch.addcdiv(x, y, z, value=0.5), floats(N), floats(N), between(1, 2, N)),
    case("lerp", lambda x, y: torch.lerp(x, y, 0.3), floats(M, N), floats(M, N)),
    case("maximum", torch.maximum, floats(M, N), floats(N)),
    case("minimum_nan", torch.minimum, special(N), special(N), grad=False),
    case("maximum_nan", torch.maximum, special(N), special(N), grad=False),
    case("fmax", torch.fmax, special(N), special(N), grad=False),
    case("square", torch.square, floats(M, N)),
    case("atan2", torch.atan2, floats(M, N), floats(M, N)),
    case("hypot", torch.hypot, floats(M, N), floats(M, N)),
    case("copysign", torch.copysign, special(N), special(N), grad=False),
    *(
        case(f"arithmetic_{short(d)}", lambda x, y: (x + y, x - y, x * y, x // y.clamp(min=1)),
             integers(0, 100, N, dtype=d), integers(0, 100, N, dtype=d))
        for d in INTEGER_DTYPES
    ),
]  # fmt: skip

COMPARISON = [
    *(
        case(f"{op.__name__}{suffix}", op, make(M, N), make(M, N), grad=False)
        for op in (torch.eq, torch.ne, torch.lt, torch.le, torch.gt, torch.ge)
        for suffix, make in (("", special), ("_int", lambda *s: integers(0, 3, *s)))
    ),
    case("lt_scalar", lambda x: x < 0.5, special(M, N), grad=False),
    case("eq_bool", torch.eq, bools(N), bools(N)),
    case("logical", lambda x, y: (x & y, x | y, x ^ y, ~x), bools(M, N), bools(M, N)),
    case("logical_functions", lambda x, y: (torch.logical_and(x, y), torch.logical_or(x, y), torch.logical_xor(x, y), torch.logical_not(x)),
         special(N), integers(0, 2, N), grad=False),
    case("isnan", lambda x: (torch.isnan(x), torch.isinf(x), torch.isfinite(x)), special(M, N), grad=False),
    case("signbit", torch.signbit, special(M, N), grad=False),
    *(
        case(f"bitwise_{short(d)}", lambda x, y: (x & y, x | y, x ^ y, ~x, x << 2, x >> 1),
             integers(0, 100, N, dtype=d), integers(0, 100, N, dtype=d))
        for d in INTEGER_DTYPES
    ),
    case("shift_by_tensor", lambda x, y: (x << y, x >> y), integers(-99, 99, N), integers(0, 9, N)),
    case("where", torch.where, bools(M, N), floats(M, N), floats(N)),
    case("where_scalar", lambda c, x: torch.where(c, x, 0.0), bools(M, N), floats(M, N)),
    case("where_nan", lambda x: torch.where(x > 0, torch.log(x), 0.0), special(M, N), grad=False),
    case("clamp", lambda x: torch.clamp(x, -0.5, 0.5), floats(M, N)),
    case("clamp_min", lambda x: x.clamp(min=0.1), floats(M, N)),
    case("clamp_nan", lambda x: x.clamp(-1, 1), special(M, N), grad=False),
    case("clamp_tensor", torch.clamp, floats(M, N), floats(N), floats(N)),
    case("clamp_ints", lambda x: x.clamp(-3, 4), integers(-9, 9, N)),
    case("masked_fill", lambda x, m: x.masked_fill(m, -1.5), floats(M, N), bools(M, N)),
    case("masked_fill_inf", lambda x, m: x.masked_fill(m, float("-inf")), floats(M, N), bools(N)),
]  # fmt: skip

CASTS = [
    *(
        case(f"cast_to_{short(d)}", lambda x, d=d: x.to(d), between(-100, 100, M, N), grad=d in FLOAT_DTYPES)
        for d in (*FLOAT_DTYPES, torch.int64, torch.int32, torch.int16, torch.int8, torch.bool)
    ),
    *(
        case(f"cast_from_{short(d)}", lambda x: (x.float(), x.to(torch.int32), x.bool(), x.double()),
             integers(0, 100, N, dtype=d))
        for d in (*INTEGER_DTYPES, torch.bool)
    ),
    case("cast_special_to_bool", lambda x: x.bool(), special(N), grad=False, dtypes=LOW_PRECISION),
    case("cast_special", lambda x: (x.bool(), x.half(), x.bfloat16(), x.double()), special(N), grad=False),
    case("cast_wraps", lambda x: (x.to(torch.int8), x.to(torch.uint8), x.to(torch.int16)), integers(-70000, 70000, N)),
    # A round trip through a narrower type between two steps may be dropped.
    case("cast_round_trip", lambda x: x.bfloat16().float() + x.half().float(), floats(M, N), precision=torch.bfloat16),
]  # fmt: skip

UNARY = {
    "exp": torch.exp, "exp2": torch.exp2, "expm1": torch.expm1, "sin": torch.sin, "cos": torch.cos,
    "tan": torch.tan, "atan": torch.atan, "sinh": torch.sinh, "cosh": torch.cosh,
    "tanh": torch.tanh, "asinh": torch.asinh, "erf": torch.erf, "sigmoid": torch.sigmoid,
    "silu": F.silu, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu, "relu6": F.relu6, "leaky_relu": F.leaky_relu, "elu": F.elu, "selu": F.selu,
    "celu": F.celu, "softplus": F.softplus, "softsign": F.softsign, "mish": F.mish,
    "hardtanh": F.hardtanh, "hardswish": F.hardswish, "hardsigmoid": F.hardsigmoid,
    "logsigmoid": F.logsigmoid, "tanhshrink": F.tanhshrink, "hardshrink": F.hardshrink,
}  # fmt: skip

POSITIVE = {
    "log": torch.log, "log2": torch.log2, "log10": torch.log10, "log1p": torch.log1p,
    "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal,
    "pow_half": lambda x: x**0.5, "pow_cube": lambda x: x**3, "pow_negative": lambda x: x**-1.5,
    "pow_base": lambda x: 2.5**x, "xlogy": lambda x: torch.xlogy(x, x),
}  # fmt: skip

ROUNDING = {
    "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "trunc": torch.trunc,
    "frac": torch.frac,
}  # fmt: skip

FUNCTIONS = [
    *(case(name, fn, floats(M, N), dtypes=LOW_PRECISION) for name, fn in UNARY.items()),
    *(case(f"{name}_special", fn, special(M, N), grad=False) for name, fn in UNARY.items()),
    *(case(name, fn, between(0.1, 3, M, N)) for name, fn in POSITIVE.items()),
    *(case(f"{name}_special", fn, special(M, N), grad=False) for name, fn in POSITIVE.items()),
    *(case(name, fn, floats(M, N)) for name, fn in ROUNDING.items()),
    *(case(f"{name}_special", fn, special(M, N), grad=False) for name, fn in ROUNDING.items()),
    case("exp_range", torch.exp, between(-110, 100, M, N), grad=False),
    case("tanh_range", torch.tanh, between(-30, 30, M, N), grad=False),
    case("sin_range", torch.sin, between(-1000, 1000, M, N), grad=False),
    case("sin_large", torch.sin, between(-1e9, 1e9, M, N), grad=False),
    case("log_range", torch.log, between(1e-38, 1e38, M, N), grad=False),
    case("asin", torch.asin, between(-0.99, 0.99, M, N)),
    case("acos", torch.acos, between(-0.99, 0.99, M, N)),
    case("atanh", torch.atanh, between(-0.99, 0.99, M, N)),
    case("acosh", torch.acosh, between(1.01, 9, M, N)),
    case("pow", torch.pow, between(0.1, 3, M, N), floats(N)),
    case("pow_special", torch.pow, special(M, N), special(M, N), grad=False),
    case("pow_int", lambda x: x**3, integers(-9, 9, N)),
    case("pow_square", lambda x: x**2, floats(M, N)),
    case("exp_of_ints", torch.exp, integers(-3, 3, N)),
    case("sqrt_of_f64", lambda x: torch.sqrt(x.double()), between(0.1, 3, M, N)),
    case("round_halves", lambda x: torch.round(x / 2), integers(-9, 9, N)),
    case("glu", F.glu, floats(M, 74)),
    case("prelu", F.prelu, floats(M, N), floats(1)),
]  # fmt: skip

GENERATORS = [
    case("full", lambda x: x + torch.full((5,), 2.5)[0], floats(N)),
    case("full_like", lambda x: x + torch.full_like(x, 3), floats(M, N)),
    case("zeros_ones", lambda x: (torch.zeros_like(x), torch.ones(x.shape), x.new_zeros(3)), floats(N)),
    case("arange", lambda x: x + torch.arange(x.shape[0]), floats(N)),
    case("arange_step", lambda x: x + torch.arange(1, 75, 2), floats(37)),
    case("arange_rounded", lambda x: x + torch.arange(-0.5, 74, 2.0, dtype=torch.int64), floats(37)),
    case("arange_float", lambda x: x + torch.arange(0, 3.7, 0.1), floats(37)),
    case("arange_only", lambda x: torch.arange(x.shape[0], dtype=torch.int32), floats(N)),
    case("linspace", lambda x: x + torch.linspace(-1, 1, 37), floats(37)),
    case("iota_positions", lambda x: x * (torch.arange(x.shape[1]) + torch.arange(x.shape[0])[:, None]), floats(M, N)),
    case("eye", lambda x: x + torch.eye(5, 37), floats(5, 37)),
    case("eye_dynamic", lambda x: x + torch.eye(x.shape[0], x.shape[1]), floats(M, N)),
    case("scalar_tensor", lambda x: x * torch.scalar_tensor(2.5), floats(N)),
    case("size_as_number", lambda x: x * x.shape[0] + x.shape[1], floats(M, N)),
    case("tril_mask", lambda x: x.masked_fill(torch.ones(x.shape, dtype=torch.bool).tril(), 0), floats(M, N)),
]  # fmt: skip

CASES = [*ARITHMETIC, *COMPARISON, *CASTS, *FUNCTIONS, *GENERATORS]
