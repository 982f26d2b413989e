"""`emit` writes private fields of xDSL; these tests fail if a new xDSL needs others."""

from __future__ import annotations

from importlib import import_module

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.scf import ForOp, YieldOp
from xdsl.ir import Block, Dialect, Operation, Region
from xdsl.parser import Parser
from xdsl.universe import XDSL_UNIVERSE
from xdsl.utils.exceptions import VerifyException

from fxlower.dialects import fxt
from fxlower.dialects.build import (
    DYNAMIC,
    F32,
    I1,
    I64,
    INDEX,
    _default_properties,
    dims_attr,
    dims_from,
    dims_of,
    emit,
    emit1,
    float_attr,
    int_attr,
    is_float,
    memref_type,
    signless,
    string_attr,
    tensor_type,
)
from fxlower.universe import FXLOWER_UNIVERSE, REPLACED_DIALECTS

X = tensor_type(F32, (4, "s0"))


def context() -> Context:
    made = Context()
    dialects = XDSL_UNIVERSE.all_dialects | REPLACED_DIALECTS | FXLOWER_UNIVERSE.all_dialects
    for name, factory in dialects.items():
        made.register_dialect(name, factory)
    return made


def module() -> ModuleOp:
    """Operands used twice, results used by several ops, properties, attributes, a region."""
    arith = import_module("fxlower.dialects.arith")
    block = Block(arg_types=[X, INDEX])
    x, n = block.args
    a = emit1(block, fxt.MulOp, (x, x), X)
    one = emit1(block, fxt.FullOp, (), X, {"value": float_attr(1.0, F32)})
    b = emit1(block, fxt.AddOp, (a, one), X, attributes={"note": string_attr("kept")})
    emit(block, fxt.CmpOp, (b, a), (tensor_type(I1, (4, "s0")),), {"predicate": string_attr("lt")})
    zero = emit1(block, arith.ConstantOp, (), INDEX, {"value": int_attr(0, INDEX)})
    body = Block(arg_types=[INDEX, INDEX])
    total = emit1(body, arith.AddiOp, (body.args[1], body.args[0]), INDEX)
    emit(body, YieldOp, (total,))
    emit(block, ForOp, (zero, n, n, zero), (INDEX,), regions=(Region(body),))
    emit(block, ReturnOp, (b,))
    return ModuleOp([FuncOp("main", ([X, INDEX], [X]), Region(block))])


def test_verifies_prints_and_parses_back() -> None:
    made = module()
    made.verify()
    text = str(made)
    parsed = Parser(context(), text).parse_module()
    parsed.verify()
    assert str(parsed) == text
    assert parsed.is_structurally_equivalent(made)


def test_clones() -> None:
    made = module()
    clone = made.clone()
    clone.verify()
    assert clone.is_structurally_equivalent(made)


def test_walks_in_both_directions() -> None:
    block = module().body.block.first_op.regions[0].block  # type: ignore[union-attr]
    ops = list(block.ops)
    assert [op.name for op in ops] == [
        *("fxt.mul", "fxt.full", "fxt.add", "fxt.cmp"),
        *("arith.constant", "scf.for", "func.return"),
    ]
    assert list(reversed(list(block.walk(reverse=True)))) and block.last_op is ops[-1]
    for before, after in zip(ops, ops[1:]):
        assert before.next_op is after and after.prev_op is before
    assert all(op.parent is block and op.parent_op() is not None for op in ops)


def test_uses_can_be_replaced_and_ops_erased() -> None:
    made = module()
    block = made.body.block.first_op.regions[0].block  # type: ignore[union-attr]
    mul, full, add, cmp, *_ = block.ops
    assert [use.operation for use in mul.results[0].uses] == [cmp, add]
    assert [use.index for use in block.args[0].uses] == [1, 0]
    mul.results[0].replace_all_uses_with(full.results[0])
    assert mul.results[0].first_use is None
    assert add.operands[0] is full.results[0] and cmp.operands[1] is full.results[0]
    mul.detach()
    mul.erase()
    assert block.args[0].first_use is None
    cmp.operands[0] = full.results[0]
    assert [use.operation for use in add.results[0].uses] == [block.last_op]
    made.verify()
    assert block.first_op is full and full.prev_op is None


def test_operations_can_be_inserted_among_emitted_ones() -> None:
    made = module()
    block = made.body.block.first_op.regions[0].block  # type: ignore[union-attr]
    first = block.first_op
    assert first is not None
    negated = fxt.NegOp(block.args[0])
    block.insert_op_before(negated, first)
    first.operands[0] = negated.result
    made.verify()
    assert block.first_op is negated


def _classes() -> list[type[Operation]]:
    found: list[type[Operation]] = list(fxt.FXT.operations)
    for name in ("arith", "vector", "llvm"):
        module_ = import_module(f"fxlower.dialects.{name}")
        dialect = getattr(module_, name.upper())
        assert isinstance(dialect, Dialect)
        found += dialect.operations
    for name in ("math", "scf", "memref", "linalg", "tensor", "func"):
        found += XDSL_UNIVERSE.all_dialects[name]().operations
    return found


@pytest.mark.parametrize("cls", _classes(), ids=lambda cls: cls.name)
def test_default_properties(cls: type[Operation]) -> None:
    """What xDSL's own constructor adds, `emit` adds."""
    defaults = _default_properties(cls)
    op = emit(Block(), cls)
    assert op.properties == defaults
    if defaults:
        made = cls.create()
        for name, prop in cls.get_irdl_definition().properties.items():  # type: ignore[attr-defined]
            if prop.default_value is not None and name not in made.properties:
                made.properties[name] = prop.default_value
        assert made.properties == op.properties
    # Given ones win, and the shared defaults stay as they are.
    for name in defaults:
        replaced = emit(Block(), cls, properties={name: string_attr("other")})
        assert replaced.properties[name] == string_attr("other")
    assert _default_properties(cls) == defaults


def test_every_field_of_an_operation_is_set() -> None:
    """A field that xDSL adds must be written by `emit` as well."""
    emitted = emit(Block(), fxt.FullOp, (), (X,), {"value": float_attr(1.0, F32)})
    created = fxt.FullOp.create(result_types=[X], properties={"value": float_attr(1.0, F32)})
    for name in Operation.__dataclass_fields__:
        assert hasattr(emitted, name) == hasattr(created, name), name
    result_fields = (
        {*created.results[0].__dict__} if hasattr(created.results[0], "__dict__") else set()
    )
    assert all(hasattr(emitted.results[0], name) for name in result_fields)


# --------------------------------------------------------------------------------- types


def test_dims() -> None:
    assert str(X) == 'tensor<4x?xf32, [4 : i64, "s0"]>'
    assert dims_of(X) == (4, "s0")
    assert dims_of(tensor_type(F32, ())) == ()
    assert dims_from(dims_attr((8, "2*s0"))) == (8, "2*s0")
    assert tensor_type(F32, (4, 8)) is tensor_type(F32, (4, 8))
    assert str(tensor_type(F32, (4, 8))) == "tensor<4x8xf32>"


def test_dims_of_other_types() -> None:
    with pytest.raises(VerifyException, match="expected a tensor, got f32"):
        dims_of(F32)
    with pytest.raises(VerifyException, match="dimensions must be an array"):
        dims_from(I64)
    with pytest.raises(VerifyException, match="a dimension must be an integer or a string"):
        dims_from(type(dims_attr(()))([F32]))


def test_memrefs() -> None:
    assert str(memref_type(F32, (DYNAMIC, 8))) == "memref<?x8xf32>"
    assert str(memref_type(F32, (4, 8), (1, 4))) == "memref<4x8xf32, strided<[1, 4]>>"
    assert str(memref_type(F32, (4, 8), (None, 1), None)) == (
        "memref<4x8xf32, strided<[?, 1], offset: ?>>"
    )


def test_elements() -> None:
    from fxlower.dialects.build import BF16, ELEMENT_BITS, I8, UI8

    assert is_float(BF16) and not is_float(I64)
    assert signless(UI8) == I8 and signless(F32) == F32
    assert ELEMENT_BITS[I1] == 8 and ELEMENT_BITS[BF16] == 16
