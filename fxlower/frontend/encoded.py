"""Tensors whose elements `fxt` has no arithmetic for, held as tensors of elements that it has.

| dtype | parts of a value | in memory |
|---|---|---|
| complex64, complex128 | the real and the imaginary part, of f32 or f64 | `[..., 2]` of these |
| float8 | the bits, of ui8 | the same bytes |

Rules compute with parts, so that nothing below the importer knows such numbers and kernels fuse
across them. At the edges (arguments, results, operators in eager mode) the host views the same
memory by the other dtype, as `torch.view_as_real` does: an `fxt.aten` that is `pure`. Conjugate and
negative bits are resolved there; no value in the graph has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from xdsl.dialects.builtin import ArrayAttr, ComplexType, UnitAttr
from xdsl.ir import Attribute, Block, SSAValue

from fxlower.analysis import symbols
from fxlower.analysis.layout import has_own_elements, is_dense
from fxlower.dialects import fxt
from fxlower.dialects.build import (
    Dim,
    dims_attr,
    dims_of,
    emit1,
    int_attr,
    string_attr,
    tensor_type,
)
from fxlower.frontend.builder import RuleBuilder, TensorInfo
from fxlower.frontend.program import FallbackCall, TensorSlot
from fxlower.frontend.types import DTYPE, PART


@dataclass(eq=False)
class Encoded:
    """A tensor of `element`, as tensors of `PART[element]` of its dims."""

    element: Attribute
    parts: tuple[SSAValue, ...]
    memory: dict[tuple[Dim, ...], SSAValue] = field(default_factory=dict)
    """The tensor as the host knows it, by strides; `()` are those of an operator's result."""

    @property
    def is_complex(self) -> bool:
        return isinstance(self.element, ComplexType)

    @property
    def in_eager(self) -> SSAValue:
        """Of the result of an operator in eager mode, that tensor."""
        return self.memory[()]

    @property
    def dims(self) -> tuple[Dim, ...]:
        return dims_of(self.parts[0].type)


def encoded_among(value: Any) -> list[Encoded]:
    """Those in an argument of an operator."""
    if isinstance(value, Encoded):
        return [value]
    if isinstance(value, (list, tuple)):
        return [e for v in value for e in encoded_among(v)]
    return []


class Encoder:
    """Takes values apart and puts them together, in one block."""

    def __init__(self, builder: RuleBuilder, calls: dict[int, FallbackCall]):
        self.builder = builder
        self.block: Block = builder.block
        self.calls = calls

    def taken_apart(self, value: SSAValue, info: TensorInfo) -> Encoded:
        """A tensor in memory, of `info`, as its parts."""
        part = PART[info.element]
        if isinstance(info.element, ComplexType):
            dims = (*info.dims, 2)
            strides = (*(symbols.mul(2, s) for s in info.strides), 1)
            both = self._view(value, part, dims, strides, "aten.view_as_real.default", real_view)
            made = [self._half(both, info.dims, i) for i in range(2)]
        else:
            made = [self._view(value, part, info.dims, info.strides, "aten.view.dtype", bytes_view)]
        return Encoded(info.element, tuple(made), {info.strides: value, (): value})

    def _half(self, both: SSAValue, dims: tuple[Dim, ...], index: int) -> SSAValue:
        b = self.builder
        return b.reshape(b.slice_axis(both, len(dims), index, 1), dims)

    @staticmethod
    def layout(info: TensorInfo) -> TensorInfo:
        """`info` as a tensor of its own can have it: expanded ones are written out."""
        if is_dense(info.dims, info.strides):
            return info
        return TensorInfo(info.element, info.dims, symbols.contiguous_strides(info.dims))

    def put_together(self, value: Encoded, strides: Sequence[Dim] = ()) -> SSAValue:
        """`value` in memory, by `strides` if they are given."""
        known = value.memory.get(tuple(strides))
        if known is None:
            layout = tuple(strides) or symbols.contiguous_strides(value.dims)
            known = value.memory.get(layout)
            if known is None:
                known = value.memory[layout] = self._put_together(value, layout)
        return known

    def _put_together(self, value: Encoded, strides: tuple[Dim, ...]) -> SSAValue:
        b = self.builder
        axes = _order(value.dims, strides)
        parts = [b.permute(p, axes) for p in value.parts]
        back = tuple(axes.index(i) for i in range(len(axes)))
        dtype = DTYPE[value.element]
        if value.is_complex:
            whole: SSAValue = b.concat([b.unsqueeze(p, len(axes)) for p in parts], len(axes))
            name, view = "aten.view_as_complex.default", complex_view
        else:
            (whole,) = parts
            name, view = "aten.view.dtype", float8_view
        return self._view(whole, value.element, value.dims, strides, name, view, dtype, back)

    def _view(
        self,
        source: SSAValue,
        element: Attribute,
        dims: tuple[Dim, ...],
        strides: tuple[Dim, ...],
        name: str,
        view: Callable[..., torch.Tensor],
        *args: Any,
    ) -> SSAValue:
        """The memory of `source` by another element type: a call of `view` by the host."""
        number = len(self.calls)
        made = emit1(
            self.block,
            fxt.AtenOp,
            (source,),
            tensor_type(element, dims),
            {"target": string_attr(name), "id": int_attr(number)},
            {"strides": ArrayAttr([dims_attr(strides)]), "pure": UnitAttr()},
        )
        self.calls[number] = FallbackCall(
            target=view,
            args=(TensorSlot(0), *args),
            kwargs={},
            operand_strides=(None,),
            results=(0,),
            symbols=(),
            reason="",
            source="",
        )
        return made


def _order(dims: Sequence[Dim], strides: Sequence[Dim]) -> tuple[int, ...]:
    """Axes from the outermost in memory to the innermost; where symbols hide it, any order will
    do, and the host copies."""
    axes = tuple(range(len(dims)))
    if not all(isinstance(n, int) for n in (*dims, *strides)):
        return axes
    if tuple(strides) == symbols.contiguous_strides(tuple(dims)):
        return axes
    return tuple(sorted(axes, key=lambda a: (-int(strides[a]), a)))


# ------------------------------------------------------------------ what the host calls


def real_view(x: torch.Tensor) -> torch.Tensor:
    if (x.is_conj() or x.is_neg()) and not has_own_elements(x.shape, x.stride()):
        # What it says of each element of memory is done once, so that the strides can stay.
        extent = 1 + sum((n - 1) * s for n, s in zip(x.shape, x.stride(), strict=True))
        memory = x.as_strided((extent,), (1,)).resolve_conj().resolve_neg()
        return torch.view_as_real(memory.as_strided(x.shape, x.stride()))
    return torch.view_as_real(x.resolve_conj().resolve_neg())


def complex_view(x: torch.Tensor, dtype: torch.dtype, axes: tuple[int, ...]) -> torch.Tensor:
    """Of a tensor that may be any view: complex numbers need both parts side by side."""
    *outer, last = x.stride()
    if last != 1 or any(s % 2 for s in outer) or x.storage_offset() % 2:
        x = x.clone(memory_format=torch.contiguous_format)
    return tensor_of_its_own(torch.view_as_complex(x).permute(axes))


def bytes_view(x: torch.Tensor) -> torch.Tensor:
    return x.view(torch.uint8)


def float8_view(x: torch.Tensor, dtype: torch.dtype, axes: tuple[int, ...]) -> torch.Tensor:
    return tensor_of_its_own(x.view(dtype).permute(axes))


def tensor_of_its_own(view: torch.Tensor) -> torch.Tensor:
    """No view of autograd's: a caller may change it in place and want gradients."""
    return torch._C._dynamo.guards._reinterpret_tensor(  # type: ignore[attr-defined]
        view, view.shape, view.stride(), 0
    )
