"""What the importer makes of graphs: arguments, symbols, mutations, fallbacks, errors."""

from __future__ import annotations

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from tracing import compile_with_interpreter, traced
from xdsl.dialects.builtin import ModuleOp

from fxlower.errors import FxlowerError, UnsupportedGraph
from fxlower.frontend.decompositions import decomposition_table
from fxlower.frontend.importer import import_graph
from fxlower.frontend.program import (
    Imported,
    InputSlot,
    ScalarSlot,
    SizeSlot,
    SymbolSource,
    TensorOutput,
    TensorSlot,
)
from fxlower.frontend.registry import RULES, lowers, register_lowering
from fxlower.reference.fxt import run
from fxlower.testing import filechecked

aten = torch.ops.aten


@filechecked
def test_matmul() -> ModuleOp:
    # CHECK:       func.func @main(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) -> tensor<4x2xf32> {
    # CHECK-NEXT:    %mm = fxt.matmul %a, %b : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
    # CHECK-NEXT:    func.return %mm : tensor<4x2xf32>
    def f(a, b):
        return torch.mm(a, b)

    return traced(f, torch.ones(4, 8), torch.ones(8, 2)).module


@filechecked
def test_broadcasting_drops_ones() -> ModuleOp:
    # CHECK:       func.func @main(%x: tensor<4x1x3xf32>, %y: tensor<5x1xf32>)
    # CHECK-NEXT:    %0 = fxt.reshape %x : (tensor<4x1x3xf32>) -> tensor<4x3xf32>
    # CHECK-NEXT:    %1 = fxt.broadcast %0, array<i64: 0, 2>
    # CHECK-SAME:        : (tensor<4x3xf32>) -> tensor<4x5x3xf32>
    # CHECK-NEXT:    %2 = fxt.reshape %y : (tensor<5x1xf32>) -> tensor<5xf32>
    # CHECK-NEXT:    %3 = fxt.broadcast %2, array<i64: 1> : (tensor<5xf32>) -> tensor<4x5x3xf32>
    # CHECK-NEXT:    %add = fxt.add %1, %3 : tensor<4x5x3xf32>
    def f(x, y):
        return x + y

    return traced(f, torch.ones(4, 1, 3), torch.ones(5, 1)).module


@filechecked
def test_low_precision_is_computed_in_f32() -> ModuleOp:
    # CHECK:         %0 = fxt.cast %x : (tensor<4xbf16>) -> tensor<4xf32>
    # CHECK-NEXT:    %1 = fxt.full 2.500000e+00 : f32 : tensor<4xf32>
    # CHECK-NEXT:    %2 = fxt.mul %0, %1 : tensor<4xf32>
    # CHECK-NEXT:    %mul = fxt.cast %2 : (tensor<4xf32>) -> tensor<4xbf16>
    def f(x):
        return x * 2.5

    return traced(f, torch.ones(4, dtype=torch.bfloat16)).module


@filechecked
def test_strides_of_arguments_and_results() -> ModuleOp:
    # CHECK:       func.func @main(%x: tensor<2x3xf32> {fxt.strides = [1 : i64, 2 : i64]})
    # CHECK-SAME:      -> (tensor<2x3xf32> {fxt.strides = [1 : i64, 2 : i64]}) {
    # CHECK-NEXT:    %neg = fxt.neg %x : tensor<2x3xf32>
    def f(x):
        return -x

    return traced(f, torch.ones(3, 2).t()).module


@filechecked
def test_symbols() -> ModuleOp:
    # CHECK:       func.func @main(%x: tensor<?x?xf32, ["[[R:s[0-9]+]]", "[[C:s[0-9]+]]"]>,
    # CHECK-SAME:      %[[R]]: index {fxt.symbol = "[[R]]"}, %[[C]]: index {fxt.symbol = "[[C]]"})
    # CHECK-NEXT:    %0 = fxt.size["[[R]]"] : tensor<i64>
    # CHECK-NEXT:    %1 = fxt.cast %0 : (tensor<i64>) -> tensor<f32>
    # CHECK-NEXT:    %2 = fxt.broadcast %1, array<i64>
    # CHECK-SAME:        : (tensor<f32>) -> tensor<?x?xf32, ["[[R]]", "[[C]]"]>
    # CHECK-NEXT:    %mul = fxt.mul %x, %2 : tensor<?x?xf32, ["[[R]]", "[[C]]"]>
    def f(x):
        return x * x.shape[0]

    program = traced(f, torch.ones(6, 4), dynamic=True)
    assert list(program.symbols.values()) == [
        SymbolSource("size", 0, 0),
        SymbolSource("size", 0, 1),
    ]
    return program.module


@filechecked
def test_mutation() -> ModuleOp:
    # CHECK:       func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>)
    # CHECK-SAME:      -> (tensor<4xf32>, tensor<4xf32> {fxt.mutates = 0 : i64}) {
    # CHECK-NEXT:    %add = fxt.add %x, %y : tensor<4xf32>
    # CHECK-NEXT:    %neg = fxt.neg %add : tensor<4xf32>
    # CHECK-NEXT:    func.return %neg, %add : tensor<4xf32>, tensor<4xf32>
    def f(x, y):
        total = x + y
        x.copy_(total)
        return -total

    return traced(f, torch.ones(4), torch.ones(4)).module


def test_mutations_reach_the_inputs() -> None:
    seen: list[Imported] = []

    def f(x, y):
        x.add_(y)
        y.mul_(x)
        return x * 2

    compiled = compile_with_interpreter(f, seen)
    x, y = torch.arange(3.0), torch.ones(3)
    with torch.no_grad():
        result = compiled(x, y)
    assert x.tolist() == [1, 2, 3] and y.tolist() == [1, 2, 3] and result.tolist() == [2, 4, 6]
    assert len(seen) == 1 and not seen[0].calls


@filechecked
def test_fallback() -> ModuleOp:
    # CHECK:         %_linalg_eigh, %_linalg_eigh_1 = fxt.aten "aten._linalg_eigh.default", 0(%x)
    # CHECK-SAME:        {strides = {{\[\[}}1 : i64], [1 : i64, 4 : i64]]}
    # CHECK-SAME:        : (tensor<4x4xf32>) -> (tensor<4xf32>, tensor<4x4xf32>)
    # CHECK-NEXT:    %neg = fxt.neg %_linalg_eigh : tensor<4xf32>
    def f(x):
        values, vectors = torch.linalg.eigh(x)
        return -values, vectors

    program = traced(f, torch.ones(4, 4))
    (call,) = program.fallbacks
    assert call.target is aten._linalg_eigh.default
    assert call.args == (TensorSlot(0),) and call.results == (0, 1)
    assert [output.index for output in program.outputs] == [0, 1]
    return program.module


def test_complex_values_are_pairs_but_in_memory() -> None:
    def f(x):
        z = torch.view_as_complex(x)
        return torch.view_as_real(torch.fft.fft(z * z)) + 1, z * 1j

    x = torch.randn(4, 2)
    program = traced(f, x)
    assert [str(c.target) for c in program.fallbacks] == ["aten._fft_c2c.default"]
    assert "tensor<4xcomplex<f32>>" in str(program.module)
    for found, wanted in zip(run(program, [x]), f(x), strict=True):
        torch.testing.assert_close(found, wanted)


def test_items_become_symbols_and_scalars() -> None:
    def f(x, n):
        return x * n.item(), x * x.sum().item(), torch.nonzero(x) * 2

    x, n = torch.tensor([1.0, 0.0, 2.0]), torch.tensor(3)
    program = traced(f, x, n, dynamic=True)
    assert [str(c.target) for c in program.fallbacks] == [
        "aten._local_scalar_dense.default",  # an integer: it could be a size
        "aten.nonzero.default",
    ]
    assert SymbolSource("fallback") in program.symbols.values()
    for found, expected in zip(run(program, [x, n]), f(x, n)):
        torch.testing.assert_close(found, expected)


def test_sizes_that_depend_on_data() -> None:
    def f(x, n):
        return torch.tensor_split(x, n)

    x, n = torch.arange(8.0), torch.tensor([1, 5])
    for found, expected in zip(run(traced(f, x, n, dynamic=True), [x, n]), f(x, n)):
        torch.testing.assert_close(found, expected)


def test_sizes_and_scalars_are_returned() -> None:
    def f(x):
        return x.shape[0] * 2, x.shape[0] * 0.5, None, 3

    program = traced(f, torch.ones(6, 4), dynamic=True)
    size, scalar, *constants = program.outputs
    assert isinstance(size, SizeSlot) and isinstance(scalar, ScalarSlot)
    assert constants == [None, 3]
    assert run(program, [torch.ones(5, 4)]) == [10, 2.5, None, 3]


def test_inputs_are_returned_as_they_are() -> None:
    program = traced(lambda x, y: (y, x + y, y), torch.ones(2), torch.ones(2))
    first, made, last = program.outputs
    assert first == last == InputSlot(1) and isinstance(made, TensorOutput)


def test_cleverly_hidden_symbol_is_solved() -> None:
    from fxlower.frontend.symbolic import SymbolTable

    table = SymbolTable()
    table.add_tensor(0, ("2*s0 + s1",), (1,))
    table.add_tensor(1, ("s1", 3), ("s1", 1))
    for name in ("s0", "s1"):
        table.used.setdefault(name)
    table.find_sources()
    values = {"s1": 5}
    for name, source in table.needed_sources(["s0"]).items():
        if source.kind == "size":
            values[name] = {0: 19, 1: 5}[source.input]
        elif source.expression is not None:
            values[name] = source.expression(values)
    assert values["s0"] == 7


def test_outputs_tell_what_shares_memory() -> None:
    def f(x):
        y = x + 1
        return x.clone(), x.view(-1), y, y.clone()

    program = traced(f, torch.ones(2, 2))
    copy, view, made, made_copy = (output.storage for output in program.outputs)
    assert view == program.storages[0]
    assert len({copy, view, made, made_copy}) == 4


def test_attributes_are_arguments() -> None:
    constant = torch.arange(4.0)
    gm = make_fx(lambda x: x + constant, decomposition_table=decomposition_table())(torch.ones(4))
    program = import_graph(gm)
    assert program.tensor_inputs == (0,) and len(program.attributes) == 1
    assert torch.equal(program.attributes[0], constant)
    assert run(program, [torch.ones(4)])[0].tolist() == [1, 2, 3, 4]


def test_exported_program() -> None:
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 3)

        def forward(self, x):
            return torch.relu(self.linear(x))

    model = Model()
    exported = torch.export.export(model, (torch.ones(2, 4),))
    exported = exported.run_decompositions(decomposition_table())
    program = import_graph(exported.graph_module)
    x = torch.randn(2, 4)
    (found,) = run(program, [model.linear.weight.detach(), model.linear.bias.detach(), x])
    torch.testing.assert_close(found, model(x).detach())
    assert not program.calls


def test_every_unsupported_operator_is_named() -> None:
    def f(x):
        values, _ = torch.linalg.eigh(x)
        return torch.special.i0(values) + torch.linalg.eigh(-x)[0]

    with pytest.raises(
        UnsupportedGraph, match=r"(?s)2 operator.*aten._linalg_eigh.*x2.*aten.i0"
    ) as raised:
        traced(f, torch.ones(3, 3), fallback="error")
    assert set(raised.value.operators) == {"aten.i0.default", "aten._linalg_eigh.default"}


def test_source_lines_are_the_users() -> None:
    seen: list[Imported] = []

    def f(x):
        return torch.linalg.eigh(x)[0]

    compile_with_interpreter(f, seen)(torch.ones(3, 3))
    (call,) = seen[0].fallbacks
    assert call.source == f"test_importer.py:{f.__code__.co_firstlineno + 1} in f"


def test_in_place_operators_are_refused() -> None:
    with pytest.raises(FxlowerError, match="add_.* changes a tensor in place"):
        traced(lambda x: x.add_(1), torch.ones(3))


def test_unknown_fallback_is_refused() -> None:
    with pytest.raises(FxlowerError, match='must be "aten" or "error", got "no"|got \'no\''):
        traced(lambda x: x, torch.ones(3), fallback="no")


def test_a_second_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="aten.mm.default has a rule already, .*contraction.mm"):
        lowers(aten.mm.default)(lambda b, x, y: x)
    with pytest.raises(ValueError, match="lowered by fxlower itself.*override=True"):
        register_lowering(aten.mm.default, lambda b, x, y: x)


def test_users_register_lowerings() -> None:
    with torch.library._scoped_library("fxlower_test", "DEF") as library:
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x * 2, "CompositeExplicitAutograd")
        overload = torch.ops.fxlower_test.twice.default
        x = torch.ones(3)
        assert [c.target for c in traced(overload, x).fallbacks] == [overload]
        register_lowering(overload, lambda b, x: b.add(x, x))
        try:
            program = traced(overload, x)
        finally:
            del RULES[overload]
    assert not program.calls
    assert run(program, [x])[0].tolist() == [2, 2, 2]
