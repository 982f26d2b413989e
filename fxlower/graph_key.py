"""A description of a graph from Dynamo that names what is made of it, in any process.

It says all that AOTAutograd and this backend look at, in values whose `repr` is the same in all
processes: the operations, what is known of the inputs, torch's modes and settings, and what is
assumed of symbolic sizes. What it has no words for raises `BypassAOTAutogradCache`: the graph is
compiled as without a cache.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch._functorch import config as functorch_config
from torch._functorch._aot_autograd import autograd_cache
from torch._functorch._aot_autograd.autograd_cache import BypassAOTAutogradCache
from torch._guards import TracingContext
from torch._inductor.codecache import BypassFxGraphCache, FxGraphCache
from torch._ops import HigherOrderOperator, OpOverload, OpOverloadPacket
from torch.fx import GraphModule, Node
from torch.fx.experimental import _config as shapes_config

NAMESPACES = frozenset(("aten", "prim", "prims"))
"""Of operators that are torch's own. Others have code (fake implementations, gradients) that may
change from process to process under the same name."""

Words = tuple[Any, ...]


def graph(gm: GraphModule, inputs: Sequence[Any]) -> Words:
    """The operations of a graph and of those that it calls."""
    autograd_cache.check_cacheable(gm)  # torch's own conditions, and Inductor's
    try:
        FxGraphCache._check_can_cache(gm, inputs, {})
    except BypassFxGraphCache as reason:
        raise BypassAOTAutogradCache(str(reason)) from None
    if hasattr(gm, "saved_tensors_hooks_pack_0"):
        raise BypassAOTAutogradCache("tensors are saved through hooks")
    contexts = autograd_cache._collect_context_fn_hashes(gm)
    modules = [(name, *_module(module)) for name, module in gm.named_modules()]
    return tuple(map(str, contexts)), tuple(modules)


def _module(module: torch.nn.Module) -> Words:
    held = (*module._parameters.values(), *module._buffers.values(), *vars(module).values())
    if any(isinstance(value, torch.Tensor) for value in held):
        raise BypassAOTAutogradCache("the graph holds a tensor")
    if not isinstance(module, GraphModule):
        if next(module.children(), None) is None or type(module) is not torch.nn.Module:
            raise BypassAOTAutogradCache(f"the graph calls a {type(module).__name__}")
        return ()
    nodes = list(module.graph.nodes)
    numbers = {node: i for i, node in enumerate(nodes)}
    for node in nodes:
        if node.op == "get_attr" and not isinstance(attribute(module, node.target), GraphModule):
            raise BypassAOTAutogradCache(f"the graph holds {node.target}")
    return module.training, tuple(_node(node, numbers) for node in nodes)


def attribute(module: GraphModule, path: Any) -> Any:
    return functools.reduce(getattr, str(path).split("."), module)


def _node(node: Node, numbers: dict[Node, int]) -> Words:
    if node.op == "placeholder":
        return (node.op,)
    args = _words((node.args, node.kwargs), numbers)
    budget = autograd_cache._get_memory_budget_annotation(node)
    return node.op, _target(node.target), args, budget, node.meta.get("recompute")


def _target(target: Any) -> str:
    if isinstance(target, str):
        return target
    if isinstance(target, HigherOrderOperator):
        return f"higher order {target.name()}"
    if isinstance(target, (OpOverload, OpOverloadPacket)):
        name = str(target)
        if name.partition(".")[0] not in NAMESPACES:
            raise BypassAOTAutogradCache(f"{name} is no operator of torch's own")
        return name
    name = getattr(target, "__qualname__", None)
    if name is None:
        raise BypassAOTAutogradCache(f"the graph calls a {type(target).__name__}")
    return f"{getattr(target, '__module__', None)}.{name}"


_PLAIN = (
    bool,
    complex,
    float,
    int,
    str,
    type(None),
    type(...),
    torch.device,
    torch.dtype,
    torch.layout,
    torch.memory_format,
)


def _words(value: Any, numbers: dict[Node, int]) -> Any:
    """An argument of a node."""
    if isinstance(value, Node):
        return "node", numbers[value]
    if isinstance(value, (tuple, list)):
        return type(value).__name__, *(_words(v, numbers) for v in value)
    if isinstance(value, dict):
        return "dict", *((str(k), _words(v, numbers)) for k, v in value.items())
    if isinstance(value, slice):
        return "slice", *(_words(v, numbers) for v in (value.start, value.stop, value.step))
    if isinstance(value, _PLAIN):
        return type(value).__name__, value
    raise BypassAOTAutogradCache(f"an argument is a {type(value).__name__}")


# --------------------------------------------------------------------------------- the call


def call(config: Any, inputs: Sequence[Any]) -> Words:
    """What is known of the inputs, of AOTAutograd's settings and of torch's."""
    sources = config.aot_autograd_arg_pos_to_source
    return (
        *map(_input, inputs),
        _memory(inputs),
        None if sources is None else tuple(None if s is None else s.name for s in sources),
        config.num_params_buffers,
        config.keep_inference_input_mutations,
        config.is_export,
        config.no_tangents,
        config.dynamic_shapes,
        config.static_input_indices,
        config.pre_dispatch,
        config.precompile_backend_id,
        _modes(),
        _settings(),
        _assumptions(),
    )


def _input(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided:
            raise BypassAOTAutogradCache(f"an input is {value.layout}")
        return (
            type(value).__name__,
            str(value.dtype),
            str(value.device),
            str((*value.shape, "strides", *value.stride(), "from", value.storage_offset())),
            value.requires_grad,
            (value.is_conj(), value.is_neg(), value.is_quantized, value.is_inference()),
        )
    if isinstance(value, (torch.SymInt, torch.SymFloat, torch.SymBool)):
        return type(value).__name__, str(value)
    if isinstance(value, _PLAIN):
        return type(value).__name__, value
    raise BypassAOTAutogradCache(f"an input is a {type(value).__name__}")


def _memory(inputs: Sequence[Any]) -> Words:
    """Which tensors share memory, and what autograd knows of them: AOTAutograd looks at both."""
    seen: dict[int, int] = {}
    found: list[Any] = []
    for value in inputs:
        if isinstance(value, torch.Tensor):
            try:
                storage = value.untyped_storage()._cdata
            except NotImplementedError:
                raise BypassAOTAutogradCache("an input has no memory of its own") from None
            found.append((seen.setdefault(storage, len(seen)), value.is_leaf, value._is_view()))
    return tuple(found)


def _modes() -> Words:
    kinds = torch._C._autocast_supported_devices()
    autocast = [(k, torch.get_autocast_dtype(k)) for k in kinds if torch.is_autocast_enabled(k)]
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        autocast,
        torch.is_autocast_cache_enabled(),
        torch.get_default_dtype(),
        str(torch.get_default_device()),
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
    )


def _settings() -> Words:
    """Settings of torch's that change what is traced."""
    found: list[Any] = [torch.compiler.config.cache_key_tag]
    for settings in (functorch_config, shapes_config):
        for name, value in sorted(settings.get_serializable_config_copy().items()):
            if callable(value):
                raise BypassAOTAutogradCache(f"the setting {name} is a function")
            found.append((name, value))
    uuids = autograd_cache._get_custom_estimator_solver_uuids(functorch_config)
    return *found, *map(str, uuids)


def _assumptions() -> Any:
    """What is taken for granted of symbolic sizes."""
    context = TracingContext.try_get()
    env = None if context is None or context.fake_mode is None else context.fake_mode.shape_env
    if env is None:
        return None
    ranges = sorted((str(symbol), str(range_)) for symbol, range_ in env.var_to_range.items())
    return ranges, sorted((str(old), str(new)) for old, new in env.replacements.items())
