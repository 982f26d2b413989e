"""Building one `llvm.func`: scopes, constants, common subexpressions, captured values.

Regions nest, and while the body of a loop is built, the block before the loop stays open. So a
pure operation goes to the outermost scope that has its operands (loop-invariant code motion by
construction), and one that exists there is not built again (common subexpressions). The branches
of an `scf.if` are a barrier: what they compute may be costly and is not needed otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    StringAttr,
    SymbolRefAttr,
    UnitAttr,
    VectorType,
    i32,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import llvm
from fxlower.dialects.arith import with_element
from fxlower.dialects.build import I8, I64, emit, emit1, int_attr, splat
from fxlower.dialects.llvm import PTR
from fxlower.passes.to_llvm.types import element_bytes
from fxlower.targets.spec import TargetSpec

Index = int | SSAValue
"""A number known now, or one the program computes."""


@dataclass
class MemRef:
    """Where a memref's elements are: `pointer[offset + sum(index * stride)]`."""

    pointer: SSAValue
    element: Attribute
    offset: Index
    sizes: tuple[Index, ...]
    strides: tuple[Index, ...]


@dataclass
class ModuleBuilder:
    """What the functions of a module share."""

    target: TargetSpec
    defined: set[str]
    functions: list[Operation] = field(default_factory=list)
    declared: dict[str, llvm.FuncOp] = field(default_factory=dict)

    def declare(self, name: str, inputs: Sequence[Attribute], output: Attribute | None) -> None:
        """Make sure that a function called `name` may be called."""
        if name not in self.defined and name not in self.declared:
            self.declared[name] = llvm.FuncOp(
                name, llvm.LLVMFunctionType(inputs, output), llvm.LinkageAttr("external")
            )


@dataclass
class Scope:
    block: Block
    """The block that is open in this scope."""
    barrier: int
    """The outermost scope that operations of this one may move to."""
    known: dict[tuple[Any, ...], SSAValue] = field(default_factory=dict)


class FunctionBuilder:
    """Builds one function; `parent` is the function a parallel body is taken out of."""

    def __init__(
        self,
        module: ModuleBuilder,
        name: str,
        argument_types: Sequence[Attribute],
        parent: FunctionBuilder | None = None,
    ):
        self.module = module
        self.name = name
        self.parent = parent
        self.head = Block(arg_types=argument_types)  # constants, allocas, captured values
        self.entry = Block()
        self.region = Region([self.head])
        self.scopes = [Scope(self.entry, 0)]
        self.depth: dict[SSAValue, int] = dict.fromkeys(self.head.args, 0)
        self.values: dict[SSAValue, SSAValue] = {}
        self.memrefs: dict[SSAValue, MemRef] = {}
        self.constants: dict[Any, SSAValue] = {}
        self.seen_constants: dict[int, tuple[Attribute, SSAValue]] = {}
        self.numbers: dict[SSAValue, int] = {}  # of the integer constants among the values
        self.sums: dict[SSAValue, tuple[SSAValue, int]] = {}  # x + constant
        self.captured: dict[SSAValue, SSAValue] = {}
        self.captured_at: list[tuple[SSAValue, int]] = []
        self.captured_bytes = 0
        self.outlined = 0

    # ---------------------------------------------------------------------- source values

    def value(self, source: SSAValue) -> SSAValue:
        """The value that stands for one of the source function."""
        value = self.values.get(source)
        if value is None:
            if self.parent is None:
                raise PassFailedException(
                    f"convert-to-llvm: a value of type {source.type} in @{self.name} has no"
                    " lowering; memrefs may only be loaded, stored, viewed and passed on"
                )
            value = self.values[source] = self.capture(self.parent.value(source))
        return value

    def memref(self, source: SSAValue) -> MemRef:
        found = self.memrefs.get(source)
        if found is None:
            if self.parent is None:
                raise PassFailedException(
                    f"convert-to-llvm: no memory is known for a {source.type} in @{self.name}"
                )
            outer = self.parent.memref(source)
            found = self.memrefs[source] = MemRef(
                self.capture(outer.pointer),
                outer.element,
                self._capture_index(outer.offset),
                tuple(map(self._capture_index, outer.sizes)),
                tuple(map(self._capture_index, outer.strides)),
            )
        return found

    def _capture_index(self, index: Index) -> Index:
        return index if isinstance(index, int) else self.capture(index)

    def capture(self, outer: SSAValue) -> SSAValue:
        """A value of the parent function: constants are made again, others come in memory."""
        owner = outer.owner
        if isinstance(owner, llvm.ConstantOp):
            return self.constant(owner.value, outer.type)
        if isinstance(owner, llvm.ZeroOp | llvm.PoisonOp):
            return emit1(self.head, type(owner), (), outer.type)
        inner = self.captured.get(outer)
        if inner is None:
            size = _bytes_of(outer.type)
            offset = -(-self.captured_bytes // size) * size
            self.captured_bytes = offset + size
            self.captured_at.append((outer, offset))
            slot = _byte_offset(self.head, self.head.args[-1], offset)
            inner = emit1(self.head, llvm.LoadOp, (slot,), outer.type, aligned(min(size, 8)))
            self.captured[outer] = inner
            self.depth[inner] = 0
        return inner

    def store_captured(self, body: FunctionBuilder) -> SSAValue:
        """Put what an outlined `body` captured on the stack; returns the address."""
        if not body.captured_at:
            return emit1(self.block, llvm.ZeroOp, (), PTR)
        bytes_ = llvm.LLVMArrayType(body.captured_bytes, I8)
        context = self.alloca(bytes_)
        for value, offset in body.captured_at:
            slot = _byte_offset(self.block, context, offset)
            self.effect(llvm.StoreOp, (value, slot), (), aligned(min(_bytes_of(value.type), 8)))
        return context

    # ----------------------------------------------------------------------------- scopes

    @property
    def block(self) -> Block:
        return self.scopes[-1].block

    @block.setter
    def block(self, block: Block) -> None:
        """Go on in `block`, which the block open so far dominates."""
        self.region.add_block(block)
        self.scopes[-1].block = block

    def push(self, block: Block, barrier: bool) -> None:
        """Enter a region that begins with `block`."""
        self.region.add_block(block)
        depth = len(self.scopes)
        self.scopes.append(Scope(block, depth if barrier else self.scopes[-1].barrier))
        for argument in block.args:
            self.depth[argument] = depth

    def pop(self) -> None:
        self.scopes.pop()

    def define(self, block: Block) -> None:
        """Note that the arguments of `block` are values of the current scope."""
        depth = len(self.scopes) - 1
        for argument in block.args:
            self.depth[argument] = depth

    # ------------------------------------------------------------------------- operations

    def pure(
        self,
        cls: type[Operation],
        operands: Sequence[SSAValue],
        type_: Attribute,
        properties: Mapping[str, Attribute] | None = None,
    ) -> SSAValue:
        """An operation without effects, as far out as its operands allow; or the one there is."""
        # Ids are safe as keys: the operation that is found keeps these objects alive.
        key = (
            cls,
            id(type_),
            *map(id, operands),
            *(map(id, properties.values()) if properties else ()),
        )
        depth = 0
        for operand in operands:
            at = self.depth[operand]
            if at > depth:
                depth = at
        for scope in self.scopes[depth:]:
            known = scope.known.get(key)
            if known is not None:
                return known
        depth = max(depth, self.scopes[-1].barrier)
        scope = self.scopes[depth]
        result = emit1(scope.block, cls, operands, type_, properties)
        scope.known[key] = result
        self.depth[result] = depth
        return result

    def effect(
        self,
        cls: type[Operation],
        operands: Sequence[SSAValue],
        types: Sequence[Attribute] = (),
        properties: Mapping[str, Attribute] | None = None,
    ) -> SSAValue | None:
        """An operation that must stay where it is; returns its result if it has one."""
        op = emit(self.block, cls, operands, types, properties)
        for result in op.results:
            self.depth[result] = len(self.scopes) - 1
            return result
        return None

    def read(
        self,
        cls: type[Operation],
        operands: Sequence[SSAValue],
        type_: Attribute,
        properties: Mapping[str, Attribute] | None = None,
    ) -> SSAValue:
        """`effect` with one result."""
        result = self.effect(cls, operands, (type_,), properties)
        assert result is not None
        return result

    def constant(self, value: Attribute, type_: Attribute) -> SSAValue:
        seen = self.seen_constants.get(id(value))
        if seen is not None:
            return seen[1]
        known = self._constant(value, type_)
        self.seen_constants[id(value)] = (value, known)  # keeps the id taken
        return known

    def _constant(self, value: Attribute, type_: Attribute) -> SSAValue:
        known = self.constants.get(value)
        if known is None:
            known = emit1(self.head, llvm.ConstantOp, (), type_, {"value": value})
            self.constants[value] = known
            self.depth[known] = 0
            if isinstance(value, IntegerAttr):
                self.numbers[known] = value.value.data
        return known

    def integer(self, value: int, type_: Attribute = I64) -> SSAValue:
        return self.constant(int_attr(value, type_), type_)

    def like(self, value: float | int, type_: Attribute) -> SSAValue:
        """A constant of `type_`: the same number in every lane of a vector."""
        return self.constant(number_attr(value, type_), type_)

    def poison(self, type_: Attribute) -> SSAValue:
        key = ("poison", type_)
        known = self.constants.get(key)
        if known is None:
            known = self.constants[key] = emit1(self.head, llvm.PoisonOp, (), type_)
            self.depth[known] = 0
        return known

    def alloca(self, type_: Attribute, alignment: int = 64) -> SSAValue:
        """Stack memory for one `type_`, for the whole function."""
        one = self.integer(1)
        result = emit1(
            self.head,
            llvm.AllocaOp,
            (one,),
            PTR,
            {"elem_type": type_, **aligned(alignment)},
        )
        self.depth[result] = 0
        return result

    def intrinsic(
        self,
        name: str,
        operands: Sequence[SSAValue],
        type_: Attribute,
        fastmath: Attribute = llvm.NO_FASTMATH,
    ) -> SSAValue:
        """Call an intrinsic without effects; `name` is without `llvm.`, with its suffix."""
        return self.pure(
            llvm.CallIntrinsicOp,
            operands,
            type_,
            {
                "intrin": intrinsic_name(name),
                "fastmathFlags": fastmath,
                "operandSegmentSizes": segments(len(operands), 0),
            },
        )

    def call(
        self, name: str, operands: Sequence[SSAValue], type_: Attribute | None
    ) -> SSAValue | None:
        """Call a function, which is declared if this module does not define it."""
        self.module.declare(name, [o.type for o in operands], type_)
        return self.effect(
            llvm.CallOp,
            operands,
            () if type_ is None else (type_,),
            {
                "callee": SymbolRefAttr(name),
                "operandSegmentSizes": segments(len(operands), 0),
            },
        )

    # --------------------------------------------------------------- arithmetic of indices

    def add(self, a: SSAValue, b: SSAValue) -> SSAValue:
        x, y = self.numbers.get(a), self.numbers.get(b)
        if x is not None and y is not None:
            return self.integer(x + y)
        if x == 0:
            return b
        if y == 0:
            return a
        if x is not None:
            a, b, y = b, a, x
        result = self.pure(llvm.AddOp, (a, b), I64)
        if y is not None:
            self.sums[result] = (a, y)
        return result

    def mul(self, a: SSAValue, b: Index) -> SSAValue:
        y = b if isinstance(b, int) else self.numbers.get(b)
        x = self.numbers.get(a)
        if x is not None and y is not None:
            return self.integer(x * y)
        if y == 1:
            return a
        if y == 0:
            return self.integer(0)
        return self.pure(llvm.MulOp, (a, self.integer(y) if y is not None else b), I64)  # type: ignore[arg-type]

    def index(self, index: Index) -> SSAValue:
        return self.integer(index) if isinstance(index, int) else index

    def address(self, memref: MemRef, indices: Sequence[SSAValue]) -> SSAValue:
        """The pointer to an element. Terms are added from the outermost scope inwards, so that
        the address of a row is made before the loop over it; a constant comes last, where the
        addressing mode takes it for nothing."""
        constant = 0
        terms: dict[int, SSAValue] = {}
        products = [(self.index(memref.offset), 1), *zip(indices, memref.strides, strict=True)]
        for index, stride in products:
            base, extra = self.sums.get(index, (index, 0))
            number = self.numbers.get(base)
            if isinstance(stride, int):
                constant += extra * stride
                if number is not None:
                    constant += number * stride
                    continue
                term = self.mul(base, stride)
            else:
                term = self.mul(index, stride)
            number = self.numbers.get(term)
            if number is not None:
                constant += number
                continue
            depth = self.depth[term]
            terms[depth] = self.add(terms[depth], term) if depth in terms else term
        pointer = memref.pointer
        for depth in sorted(terms):
            pointer = self.offset(pointer, terms[depth], memref.element)
        if constant:
            pointer = self.offset(pointer, self.integer(constant), memref.element)
        return pointer

    def offset(self, pointer: SSAValue, index: SSAValue, element: Attribute) -> SSAValue:
        """`pointer + index` elements; a vector of indices gives a vector of pointers."""
        return self.pure(
            llvm.GEPOp,
            (pointer, index),
            PTR if index.type == I64 else with_element(index.type, PTR),
            {"elem_type": element, "rawConstantIndices": _DYNAMIC_INDEX},
        )

    # ---------------------------------------------------------------------------- control

    def branch(self, target: Block, arguments: Sequence[SSAValue]) -> None:
        emit(self.block, llvm.BrOp, arguments).successors = [target]

    def conditional_branch(
        self,
        condition: SSAValue,
        then: tuple[Block, Sequence[SSAValue]],
        otherwise: tuple[Block, Sequence[SSAValue]],
        *,
        rare: bool = False,
    ) -> None:
        """`rare` tells that the first way is."""
        op = emit(
            self.block,
            llvm.CondBrOp,
            (condition, *then[1], *otherwise[1]),
            (),
            {"operandSegmentSizes": segments(1, len(then[1]), len(otherwise[1]))},
            {llvm.RARE: UnitAttr()} if rare else None,
        )
        op.successors = [then[0], otherwise[0]]

    def finish(
        self,
        result: Attribute | None = None,
        linkage: str = "external",
        argument_attributes: Sequence[Attribute] | None = None,
    ) -> None:
        """Put the function, whose blocks are complete, into the module."""
        for op in list(self.entry.ops):
            op.detach()
            self.head.add_op(op)
        function = llvm.FuncOp(
            self.name,
            llvm.LLVMFunctionType([a.type for a in self.head.args], result),
            llvm.LinkageAttr(linkage),
            body=self.region,
        )
        if argument_attributes and any(a.data for a in argument_attributes):  # type: ignore[attr-defined]
            function.properties["arg_attrs"] = ArrayAttr(argument_attributes)
        self.module.defined.add(self.name)
        self.module.functions.append(function)


# -------------------------------------------------------------------------------- attributes

_DYNAMIC_INDEX = DenseArrayBase.from_list(i32, [llvm.GEP_USE_SSA_VAL])

_numbers: dict[tuple[str, float | int, Attribute], Attribute] = {}


@cache
def segments(*sizes: int) -> Attribute:
    """The property `operandSegmentSizes`."""
    return DenseArrayBase.from_list(i32, sizes)


@cache
def intrinsic_name(name: str) -> Attribute:
    return StringAttr(f"llvm.{name}")


@cache
def aligned(alignment: int) -> Mapping[str, Attribute]:
    return {"alignment": int_attr(alignment)}


def number_attr(value: float | int, type_: Attribute) -> Attribute:
    """A number as an attribute of a scalar or vector type."""
    key = (repr(value), value, type_)  # the text tells 0.0 from -0.0
    if key not in _numbers:
        if isinstance(type_, VectorType):
            _numbers[key] = splat(value, type_)
        elif isinstance(type_, IntegerType):
            _numbers[key] = int_attr(int(value), type_)
        else:
            _numbers[key] = FloatAttr(float(value), type_)  # type: ignore[arg-type]
    return _numbers[key]


def _bytes_of(type_: Attribute) -> int:
    """The bytes that a captured value takes, a power of two."""
    if isinstance(type_, VectorType):
        return max(8, element_bytes(type_.element_type) * type_.get_shape()[0])
    return 8


def _byte_offset(block: Block, pointer: SSAValue, offset: int) -> SSAValue:
    if offset == 0:
        return pointer
    indices = _constant_index(offset)
    return emit1(
        block, llvm.GEPOp, (pointer,), PTR, {"elem_type": I8, "rawConstantIndices": indices}
    )


@cache
def _constant_index(index: int) -> Attribute:
    return DenseArrayBase.from_list(i32, [index])
