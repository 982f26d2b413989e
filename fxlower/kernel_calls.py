"""Compiling one kernel at stage `linalg` by itself, and calling it on tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import torch
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute

from fxlower import compiler
from fxlower.analysis.layout import declared_strides
from fxlower.analysis.symbols import evaluate
from fxlower.codegen.emitter import emit_llvm_ir
from fxlower.codegen.object import compile_object
from fxlower.dialects.build import INDEX, Dim, dims_of
from fxlower.dialects.fxt.call import inplace_results
from fxlower.frontend.types import DTYPE
from fxlower.runtime.jit import LoadedCode, call, library_symbols, load
from fxlower.runtime.segment import TRAPS

Texts = list[tuple[str, str]]
"""Names of passes, and the IR after each."""


class LoadedKernel:
    """Machine code of `kernel`, made without the passes `left_out`; `texts` gets the IR after each
    pass that changed it."""

    def __init__(
        self,
        kernel: FuncOp,
        stages: compiler.Stages,
        left_out: Sequence[str] = (),
        texts: Texts | None = None,
    ) -> None:
        self.kernel = kernel
        name = kernel.sym_name.data
        target = stages.target
        module = ModuleOp([kernel.clone()], dict(stages.module_attributes))
        if texts is not None:
            texts.append(("linalg", str(module)))
        self.inputs: list[Attribute] = []
        for stage, passes in target.stages:
            if stage not in compiler.KERNEL_STAGES:
                continue
            for each in filter(None, passes.split(",")):
                if each in left_out:
                    continue
                single = replace(target, stages=((stage, each),))
                compiler.Stages(single, stages.options, None).run(module, (stage,), name)
                if texts is not None and (text := str(module)) != texts[-1][1]:
                    texts.append((each, text))
            if stage == "loops":
                (function,) = (f for f in module.ops if isinstance(f, FuncOp) and f.body.blocks)
                self.inputs = list(function.function_type.inputs.data)
        data = compile_object(emit_llvm_ir(module, target), target)
        library = library_symbols(p.symbol for p in target.library)
        self.code: LoadedCode = load(data, exports=[name], symbols=library)

    def __call__(self, arguments: Sequence[Any], symbols: Mapping[str, int]) -> list[torch.Tensor]:
        """The results for tensors, and numbers for symbols, which `symbols` has by name too.

        Raises:
            IndexError, RuntimeError: as the compiled graph.
        """
        kernel = self.kernel
        inputs, outputs = kernel.function_type.inputs.data, kernel.function_type.outputs.data
        memory = [
            Placed(type_, declared_strides(type_, kernel.arg_attrs, i), symbols, value)
            for i, (type_, value) in enumerate(zip(inputs, arguments, strict=True))
            if type_ != INDEX
        ]
        results: list[Placed] = []
        new: list[Placed] = []
        for i, (type_, at) in enumerate(zip(outputs, inplace_results(kernel), strict=True)):
            if at >= 0:
                results.append(memory[at])
                continue
            new.append(Placed(type_, declared_strides(type_, kernel.res_attrs, i), symbols))
            results.append(new[-1])
        trap = torch.zeros(1, dtype=torch.int64)
        numbers = [a for a, t in zip(arguments, inputs, strict=True) if t == INDEX]
        pointers = [m.address for m in (*memory, *new)]
        if len(self.inputs) > len(pointers) + len(numbers):
            pointers.append(trap.data_ptr())
        call(self.code.address(kernel.sym_name.data), [*pointers, *numbers])
        if code := int(trap):
            error, message = TRAPS[code]
            raise error(message)
        return [r.read() for r in results]


class Placed:
    """A tensor in memory of its own, with any strides."""

    def __init__(
        self,
        type_: Attribute,
        strides: Sequence[Dim],
        symbols: Mapping[str, int],
        value: torch.Tensor | None = None,
    ) -> None:
        assert isinstance(type_, TensorType)
        dtype = DTYPE[type_.element_type]
        sizes = [evaluate(n, symbols) for n in dims_of(type_)]
        steps = [evaluate(s, symbols) for s in strides]
        spans = [(n - 1) * s for n, s in zip(sizes, steps)] if prod(sizes) else []
        self.first = -sum(s for s in spans if s < 0)
        extent = self.first + sum(s for s in spans if s > 0) + 1
        self.storage = torch.zeros(extent, dtype=dtype)
        self.sizes, self.steps = sizes, steps
        self.address = self.storage.data_ptr() + self.first * self.storage.element_size()
        if value is not None and value.numel():
            self.storage[self.positions()] = as_dtype(value, dtype)

    def positions(self) -> torch.Tensor:
        where = torch.full(self.sizes, self.first)
        for axis, (size, step) in enumerate(zip(self.sizes, self.steps)):
            ones = [1] * len(self.sizes)
            ones[axis] = size
            where = where + (torch.arange(size) * step).reshape(ones)
        return where

    def read(self) -> torch.Tensor:
        return self.storage[self.positions()]


def as_dtype(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """`value`, whose elements IR may have by the same bits without a sign."""
    return value if value.dtype == dtype else value.view(dtype)
