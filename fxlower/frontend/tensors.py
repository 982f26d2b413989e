"""What fake tensors say: element types, dims and strides."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils import _pytree as pytree

from fxlower.analysis import symbols
from fxlower.dialects.build import ELEMENT_BITS
from fxlower.frontend.builder import TensorInfo
from fxlower.frontend.registry import NotLowered
from fxlower.frontend.symbolic import SymbolTable
from fxlower.frontend.types import ELEMENT, OPAQUE, OPAQUE_ELEMENT, PART

OPAQUE_STORAGE = -1
"""Of tensors without strided memory."""

_CPU = torch.device("cpu")
_OPAQUE_INFO = TensorInfo(OPAQUE, (), ())


class TensorReader:
    """Reads fake (or real) tensors of one graph."""

    def __init__(self, table: SymbolTable):
        self.table = table
        self._known: dict[int, tuple[torch.Tensor, TensorInfo]] = {}
        self._storages: dict[int, int] = {}

    def storage(self, tensor: torch.Tensor) -> int:
        """A number that two tensors share exactly if they share memory in eager mode."""
        if tensor.layout is not torch.strided:
            return OPAQUE_STORAGE
        key = tensor.untyped_storage()._cdata
        return self._storages.setdefault(key, len(self._storages))

    def strides(self, tensor: torch.Tensor) -> tuple[symbols.Dim, ...]:
        """The strides as they are, also those that are never used."""
        return tuple(map(self.table.stride, tensor.stride()))

    def exact_strides(self, tensor: torch.Tensor) -> tuple[symbols.Dim, ...]:
        """The strides that the operator of a custom library gets to see in eager mode: those of
        dims of size 1, which never matter, are as they are where they are numbers."""
        strides = self.info(tensor).strides
        if not strides:
            return ()
        pairs = zip(tensor.stride(), strides, strict=True)
        return tuple(own if type(own) is int else known for own, known in pairs)

    def info(self, tensor: torch.Tensor) -> TensorInfo:
        known = self._known.get(id(tensor))
        if known is None:
            known = self._known[id(tensor)] = tensor, self._read(tensor)
        return known[1]

    def _read(self, tensor: torch.Tensor) -> TensorInfo:
        if tensor.layout is not torch.strided or tensor.device != _CPU:
            return _OPAQUE_INFO
        dtype = tensor.dtype
        element = ELEMENT.get(dtype) or OPAQUE_ELEMENT.get(dtype)
        if element is None:
            return _OPAQUE_INFO
        dims = tuple(map(self.table.dim, tensor.shape))
        return TensorInfo(element, dims, _normalized_strides(dims, self.strides(tensor)))

    def results(self, value: Any) -> tuple[TensorInfo | None, ...]:
        """The results of an operator whose `meta["val"]` is `value`.

        Raises:
            NotLowered: one is a tensor that `fxt` does not compute with.
        """
        values = value if isinstance(value, (list, tuple)) else (value,)
        infos = tuple(self.info(v) if isinstance(v, torch.Tensor) else None for v in values)
        for info in infos:
            if info is not None and info.element not in ELEMENT_BITS and info.element not in PART:
                raise NotLowered("a result has a dtype, layout or device that fxt lacks")
        return infos

    def flat(self, value: Any) -> list[TensorInfo | None]:
        """One entry for each leaf of `value`; None where it is no tensor."""
        leaves = pytree.tree_leaves(value)
        return [self.info(v) if isinstance(v, torch.Tensor) else None for v in leaves]


def _normalized_strides(
    dims: tuple[symbols.Dim, ...], strides: tuple[symbols.Dim, ...]
) -> tuple[symbols.Dim, ...]:
    """Strides where those that are never used (of size 1, of empty tensors) are row-major ones."""
    expected = symbols.contiguous_strides(dims)
    if strides == expected or 0 in dims:
        return expected
    return tuple(e if d == 1 else s for d, s, e in zip(dims, strides, expected))


def packed(info: TensorInfo) -> bool:
    """Whether a tensor's strides are row-major ones without gaps."""
    return info.strides == symbols.contiguous_strides(info.dims)
