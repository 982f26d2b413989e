"""`scaled_dot_product_attention` as products and a softmax: values, gradients, layouts, guards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd
from torch._functorch._aot_autograd.utils import make_boxed_func

from fxlower.dialects import fxt
from fxlower.frontend.attention import math_attention
from fxlower.frontend.decompositions import decomposition_table
from fxlower.frontend.importer import import_graph
from fxlower.frontend.program import Imported
from fxlower.reference.fxt import run

attend = F.scaled_dot_product_attention


def compiled(f: Any, seen: list[Imported], *, math: bool = True, dynamic: bool = False) -> Any:
    """`f` through the interpreter; without `math`, by PyTorch's choice of kernel."""

    def compiler(gm: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        program = import_graph(gm, fallback="error", visible=0)  # no memory in the interpreter
        seen.append(program)
        return make_boxed_func(lambda *args: run(program, args))

    def backend(gm: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        lower = aot_autograd(fw_compiler=compiler, decompositions=decomposition_table())
        if not math:
            return lower(gm, inputs)
        with math_attention():
            return lower(gm, inputs)

    torch._dynamo.reset()
    return torch.compile(f, backend=backend, fullgraph=True, dynamic=dynamic)


def heads(count: int, rows: int, width: int = 8, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(2, count, rows, width, dtype=dtype).requires_grad_()


def transposed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return attend(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2)


MASK = torch.rand(7, 9) > 0.5
MASK[2] = False  # a row with all positions masked gives 0, not NaN

VARIANTS: dict[str, tuple[Any, tuple[Tensor, ...]]] = {
    "plain": (attend, (heads(4, 7), heads(4, 9), heads(4, 9))),
    "causal": (
        lambda q, k, v: attend(q, k, v, is_causal=True),
        (heads(4, 7), heads(4, 9), heads(4, 9)),
    ),
    "bool mask": (
        lambda q, k, v: attend(q, k, v, attn_mask=MASK.to(q.device)),
        (heads(4, 7), heads(4, 9), heads(4, 9)),
    ),
    "float mask": (
        lambda q, k, v: attend(q, k, v, attn_mask=(torch.arange(9) * 0.1).expand(7, 9)),
        (heads(4, 7), heads(4, 9), heads(4, 9)),
    ),
    "scale": (lambda q, k, v: attend(q, k, v, scale=0.3), (heads(4, 7), heads(4, 9), heads(4, 9))),
    "grouped": (
        lambda q, k, v: attend(q, k, v, enable_gqa=True),
        (heads(8, 7), heads(2, 9), heads(2, 9)),
    ),
    "viewed": (
        lambda q, k, v: transposed(q, k, v).view(2, 7, -1),
        (heads(7, 4), heads(9, 4), heads(9, 4)),
    ),
    "values of another width": (attend, (heads(4, 7), heads(4, 9), heads(4, 9, 5))),
    "bf16": (attend, tuple(heads(4, 7, dtype=torch.bfloat16) for _ in range(3))),
}


@pytest.mark.parametrize("math", [True, False])
@pytest.mark.parametrize("name", VARIANTS)
def test_values_and_gradients(name: str, math: bool) -> None:
    f, inputs = VARIANTS[name]
    seen: list[Imported] = []
    found, expected = compiled(f, seen, math=math)(*inputs), f(*inputs)
    assert found.stride() == expected.stride()
    tolerance = 2e-2 if expected.dtype == torch.bfloat16 else 1e-5
    grad = torch.randn_like(expected)
    for a, b in zip(
        (found, *torch.autograd.grad(found, inputs, grad)),
        (expected, *torch.autograd.grad(expected, inputs, grad)),
    ):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_forward_is_two_products_and_a_softmax() -> None:
    seen: list[Imported] = []
    q, k, v = (heads(4, 7).detach() for _ in range(3))
    compiled(VARIANTS["causal"][0], seen)(q, k, v)
    names = [op.name for op in seen[0].module.walk()]
    assert names.count("fxt.matmul") == 2
    assert names.count("fxt.sum") == names.count("fxt.amax") == 1


def test_keys_of_groups_are_not_repeated() -> None:
    seen: list[Imported] = []
    f, inputs = VARIANTS["grouped"]
    compiled(f, seen)(*(x.detach() for x in inputs))
    products = [op for op in seen[0].module.walk() if isinstance(op, fxt.MatmulOp)]
    assert [fxt.dims(op.lhs) for op in products] == [(4, 28, 8), (4, 28, 9)]


def test_one_graph_for_all_sizes() -> None:
    seen: list[Imported] = []
    f = compiled(VARIANTS["causal"][0], seen, dynamic=True)
    for rows, width in ((5, 8), (9, 8), (7, 4), (3, 16)):
        q, k, v = (heads(4, rows, width).detach() for _ in range(3))
        torch.testing.assert_close(f(q, k, v), attend(q, k, v, is_causal=True))
    assert len(seen) == 1


def test_context_restores_the_choice_of_kernel() -> None:
    flags = (torch.backends.cuda.flash_sdp_enabled(), torch.backends.cuda.math_sdp_enabled())
    with math_attention():
        pass
    assert flags == (
        torch.backends.cuda.flash_sdp_enabled(),
        torch.backends.cuda.math_sdp_enabled(),
    )
    assert torch._C._len_torch_function_stack() == 0


def test_what_pytorch_rejects_is_left_to_it() -> None:
    q = heads(4, 7)
    with math_attention(), pytest.raises(RuntimeError, match="attn_mask"):
        attend(q, q, q, attn_mask=torch.ones(7, 7, dtype=torch.bool), is_causal=True)
