"""How tests get graphs: `make_fx` for single functions, AOTAutograd for models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._dynamo.backends.common import aot_autograd
from torch._functorch._aot_autograd.utils import make_boxed_func
from torch._functorch.partitioners import min_cut_rematerialization_partition
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from fxlower.frontend.decompositions import decomposition_table
from fxlower.frontend.importer import import_graph
from fxlower.frontend.program import Imported
from fxlower.reference.fxt import run


def traced(f: Callable[..., Any], *args: Any, dynamic: bool = False, **options: Any) -> Imported:
    """`f` imported for these arguments, sizes symbolic if `dynamic`."""
    mode = "symbolic" if dynamic else "fake"
    gm = make_fx(f, tracing_mode=mode, decomposition_table=decomposition_table())(*args)
    return import_graph(gm, **options)


def compile_with_interpreter(
    f: Callable[..., Any], seen: list[Imported], *, dynamic: bool | None = None
) -> Callable[..., Any]:
    """`torch.compile` whose graphs, forward and backward, are imported and interpreted; `seen`
    collects them."""

    def compiler(gm: GraphModule, example_inputs: list[Any]) -> Callable[..., Any]:
        program = import_graph(gm, visible=0)  # no memory in the interpreter
        program.module.verify()
        seen.append(program)
        return make_boxed_func(lambda *inputs: run(program, inputs))

    backend = aot_autograd(
        fw_compiler=compiler,
        bw_compiler=compiler,
        inference_compiler=compiler,
        decompositions=decomposition_table(),
        partition_fn=min_cut_rematerialization_partition,
        keep_inference_input_mutations=True,
    )
    torch._dynamo.reset()
    return torch.compile(f, backend=backend, dynamic=dynamic)
