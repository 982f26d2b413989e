"""Which machine a module is for: `builtin.module attributes {fxlower.machine = "host"}`."""

from xdsl.dialects.builtin import ModuleOp, StringAttr

from fxlower.targets.machines import machine
from fxlower.targets.spec import TargetSpec


def target_of(module: ModuleOp) -> TargetSpec:
    """The target named by the module's attribute `fxlower.machine`; `host` where it has none."""
    name = module.attributes.get("fxlower.machine")
    return machine(name.data if isinstance(name, StringAttr) else "host")
