"""What compiled code cannot take: a clear error or a clean fallback, never a crash."""

from __future__ import annotations

import logging
import platform

import pytest
import torch

import fxlower
from fxlower.errors import FxlowerError, OptionError, UnsupportedGraph


def compiled(fn, **kwargs):
    torch._dynamo.reset()
    return torch.compile(fn, backend="fxlower", **kwargs)


@pytest.mark.parametrize("bad", [9, -10, 2**40])
@pytest.mark.parametrize("dynamic", [False, True])
def test_an_index_out_of_range_raises(bad, dynamic):
    table = torch.randn(9, 17)
    index = torch.tensor([3, bad, 0])
    run = compiled(lambda t, i: t[i] + 1, dynamic=dynamic)
    with pytest.raises(IndexError, match="out of range"):
        run(table, index)
    torch.testing.assert_close(run(table, index.clamp(-9, 8)), table[index.clamp(-9, 8)] + 1)


def test_an_embedding_index_out_of_range_raises():
    embedding = torch.nn.Embedding(5, 33)
    with pytest.raises(IndexError), torch.no_grad():
        compiled(embedding)(torch.tensor([[0, 5]]))


def test_a_scatter_out_of_range_writes_nothing_outside():
    def put(x, i, v):
        return x.index_put((i,), v, accumulate=True)

    with pytest.raises(IndexError):
        compiled(put)(torch.zeros(4, 3), torch.tensor([0, 4]), torch.ones(2, 3))


X, ROWS = torch.zeros(4, 6), torch.tensor([0, 3, 1])
SIZES_THAT_DISAGREE = {
    "mask": (lambda x, m: x.index_put((m,), torch.ones(())), X, torch.ones(5) > 0),
    "value of a mask": (lambda x, m, v: x.index_put((m,), v), X, X[:, 0] == 0, torch.ones(5)),
    "row": (lambda x, i, v: x.index_put((i,), v), X, ROWS, torch.ones(3, 7)),
    "rows": (lambda x, i, v: x.index_add(0, i, v), X, ROWS, torch.ones(2, 6)),
    "put": (lambda x, i, v: x.put(i, v), X, ROWS, torch.ones(5)),
    "select": (lambda x, v: x.select_scatter(v, 0, 1), X, torch.ones(5)),
    "slice": (lambda x, v: x.slice_scatter(v, 0, 1), X, torch.ones(4, 6)),
    "slice from the front": (lambda x, v: x.slice_scatter(v, 0), X, torch.ones(9, 6)),
    "slice with steps": (lambda x, v: x.slice_scatter(v, 0, 1, step=2), X, torch.ones(9, 6)),
    "diagonal": (lambda x, v: x.diagonal_scatter(v), X, torch.ones(9)),
}


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", SIZES_THAT_DISAGREE)
def test_sizes_that_disagree_raise(name, dynamic):
    """PyTorch's fake implementations of these operators do not compare them."""
    function, *arguments = SIZES_THAT_DISAGREE[name]
    with pytest.raises((IndexError, RuntimeError)) as raised:
        compiled(function, dynamic=dynamic)(*arguments)
    assert "fxlower" not in str(raised.value)  # which an error of compilation names


def test_a_pad_that_cuts_off_more_than_there_is_raises():
    run = compiled(lambda x: torch.nn.functional.pad(x, (-5, 10)) + 1, dynamic=True)
    assert run(torch.ones(8)).tolist() == [2.0] * 3 + [1.0] * 10
    with pytest.raises(RuntimeError):
        run(torch.ones(3))


def test_an_integer_divided_by_zero_raises():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        compiled(lambda a, b: a // b)(torch.arange(20), torch.arange(20))


def test_the_smallest_integer_divided_by_minus_one_does_not_trap():
    smallest = torch.full((19,), torch.iinfo(torch.int64).min)
    run = compiled(lambda a, b: torch.div(a, b, rounding_mode="trunc"))
    assert run(smallest, torch.full((19,), -1)).shape == (19,)


def test_a_sparse_tensor_runs_in_eager_mode(caplog):
    sparse = torch.eye(4).to_sparse()
    with caplog.at_level(logging.WARNING, "fxlower"):
        result = compiled(lambda a, b: torch.sparse.mm(a, b) * 2)(sparse, torch.ones(4, 3))
    assert torch.equal(result, torch.full((4, 3), 2.0))


def test_an_operator_raises_for_dtypes_that_eager_mode_lacks():
    for pool in (torch.nn.AdaptiveMaxPool2d(5), torch.nn.AdaptiveAvgPool2d(5)):
        with pytest.raises(RuntimeError, match="not implemented"):
            compiled(pool)(torch.ones(1, 7, 9, dtype=torch.int64))


@pytest.mark.parametrize("bias", [False, True])
def test_a_product_of_two_dtypes_raises(bias):
    linear = torch.nn.Linear(3, 5, bias=bias)
    with torch.no_grad(), pytest.raises(RuntimeError, match="same dtype"):
        compiled(linear)(torch.arange(12).view(4, 3))


def test_a_meta_tensor_runs_in_eager_mode():
    result = compiled(lambda a: a + 1)(torch.empty(3, device="meta"))
    assert result.device.type == "meta"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_quantized_tensor_runs_in_eager_mode():
    quantized = torch.quantize_per_tensor(torch.randn(4), 0.1, 0, torch.quint8)
    result = compiled(lambda a: a.dequantize() + 1)(quantized)
    torch.testing.assert_close(result, quantized.dequantize() + 1)


def test_complex_numbers_fall_back():
    x = torch.randn(5, 3, dtype=torch.complex64)
    torch.testing.assert_close(compiled(lambda a: (a * 2).abs() + 1)(x), (x * 2).abs() + 1)


def test_a_higher_order_operator_falls_back():
    def choose(x):
        return torch.cond(x.sum() > 0, lambda a: a.sin() + 1, lambda a: a.cos(), (x,))

    run = compiled(choose)
    for x in (torch.ones(21), -torch.ones(21)):
        torch.testing.assert_close(run(x), choose(x))


def test_an_operator_with_an_effect_falls_back():
    """`linalg.cholesky` checks its result by one, in an order that a token keeps."""
    run = compiled(torch.linalg.cholesky)
    torch.testing.assert_close(run(torch.eye(3) * 4), torch.eye(3) * 2)
    with pytest.raises(RuntimeError, match="positive-definite"):
        run(-torch.eye(3))


def test_data_dependent_sizes_fall_back():
    def positive(x):
        return torch.nonzero(x > 0).sum(0) * 2

    x = torch.randn(40)
    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        torch.testing.assert_close(compiled(positive)(x), positive(x))


def test_fallback_error_names_all_operators_and_their_lines():
    def two(x):
        return torch.linalg.eigh(x)[0] + torch.fft.rfft(x).abs().sum()

    with pytest.raises(Exception, match=r"(?s)aten\._linalg_eigh.*test_bad_input.py") as raised:
        compiled(two, options={"fallback": "error"})(torch.randn(8, 8))
    assert "_fft_r2c" in str(raised.value)
    assert UnsupportedGraph.__name__ in str(raised.value) or isinstance(
        raised.value, UnsupportedGraph
    )


def test_an_unknown_option_is_an_error():
    with pytest.raises(Exception, match="unknown option 'speed'") as raised:
        compiled(lambda x: x + 1, options={"speed": 11})(torch.ones(2))
    assert OptionError.__name__ in str(raised.value) or isinstance(raised.value, OptionError)


def test_code_for_another_machine_does_not_run_here():
    with pytest.raises(Exception, match="cannot run here: this CPU .* lacks architecture"):
        compiled(lambda x: x + 1, options={"machine": other_architecture()})(torch.ones(9))


def other_architecture() -> str:
    return "x86-64-v3" if platform.machine() != "x86_64" else "aarch64-neon"


def test_a_standalone_graph_refuses_other_tensors():
    gm = torch.fx.symbolic_trace(lambda x, y: torch.relu(x) @ y)
    run = fxlower.compile(gm, [torch.ones(3, 4), torch.ones(4, 5)])
    torch.testing.assert_close(run(-torch.ones(3, 4), torch.ones(4, 5)), torch.zeros(3, 5))
    for wrong, message in (
        ((torch.ones(3, 4), torch.ones(5, 5)), "sizes"),
        ((torch.ones(3, 4).double(), torch.ones(4, 5)), "float64"),
        ((torch.ones(4, 3).t(), torch.ones(4, 5)), "strides"),
        ((torch.ones(3, 4).to_sparse(), torch.ones(4, 5)), "layout"),
        ((torch.ones(3, 4),), "2 inputs, got 1"),
        ((1, torch.ones(4, 5)), "must be a tensor"),
    ):
        with pytest.raises(FxlowerError, match=message):
            run(*wrong)
