"""What `fxlower-opt` does around each pass: time it, print the IR after it, verify its result."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from time import perf_counter

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.printer import Printer


@dataclass(kw_only=True)
class Instrumentation:
    print_all: bool = False
    print_changed: bool = False
    verify_each: bool = False
    generic: bool = False
    times: list[tuple[str, float, int]] = field(default_factory=list[tuple[str, float, int]])
    """For each pass that ran: its name, its seconds, and the ops in the module after it."""

    def run(self, pass_: ModulePass, ctx: Context, module: ModuleOp) -> None:
        before = str(module) if self.print_changed else ""
        start = perf_counter()
        pass_.apply(ctx, module)
        seconds = perf_counter() - start
        self.times.append((pass_.name, seconds, sum(1 for _ in module.walk())))
        if self.print_all or (self.print_changed and str(module) != before):
            self.print_ir(pass_.name, module)
        if self.verify_each:
            module.verify()

    def print_ir(self, pass_name: str, module: ModuleOp) -> None:
        print(f"// -----// IR after {pass_name} //----- //", file=sys.stderr)
        Printer(sys.stderr, print_generic_format=self.generic).print_op(module)
        print(file=sys.stderr)

    def print_times(self) -> None:
        total = sum(seconds for _, seconds, _ in self.times)
        print("      ms      %      ops  pass", file=sys.stderr)
        for name, seconds, ops in self.times:
            share = 100 * seconds / total if total else 0.0
            print(f"{1000 * seconds:8.2f}  {share:5.1f}  {ops:7d}  {name}", file=sys.stderr)
        print(f"{1000 * total:8.2f}  100.0           total", file=sys.stderr)
