"""Counters around kernels, in code that is linked in between a segment and the kernels it calls.

A graph that is profiled has a module of its own with a *timer* for each kernel, a function of the
kernel's name and arguments:

    define void @softmax_1a2b(ptr %a0, ptr %a1, i64 %a2) {
      ...                            ; if torch.profiler is on: begin the range "softmax_1a2b"
      %before = <clock>
      call void @softmax_1a2b.kernel(ptr %a0, ptr %a1, i64 %a2)
      %after = <clock>
      ...                            ; add to the counters: calls, nanoseconds, bytes...
      ...                            ; end the range
    }

The graph's segments are linked to the timers, where others are linked to kernels. So nothing in
segments, in kernels and in what is cached of them depends on it, and graphs that are not profiled
pay nothing.
"""

from __future__ import annotations

import ast
import ctypes
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fxlower.codegen.object import compile_object
from fxlower.dialects.build import Dim
from fxlower.runtime.jit import LoadedCode, known_symbols, load
from fxlower.targets.host import host

COUNTERS = "fxlower_counters"
FIELDS = ("calls", "nanoseconds", "reads", "writes", "operations")
SLOTS = 8
"""Counters of a kernel, and room up to a whole cache line."""

RANGES = ("aoti_record_function_start", "aoti_record_function_end")
ANYONE_LISTENS = "_ZN2at12hasCallbacksEv"
"""`at::hasCallbacks`: false, as a rule, and then ranges cost a call of it."""

CLOCK = "clock_gettime"


@dataclass(frozen=True)
class TimedKernel:
    """A kernel that a timer calls. `pointers` arguments are followed by one integer for each of
    `symbols`; in these are the bytes that a call reads and writes, and its operations."""

    name: str
    code: LoadedCode
    pointers: int
    symbols: tuple[str, ...] = ()
    reads: Dim = 0
    writes: Dim = 0
    operations: Dim = 0


@dataclass(frozen=True)
class Counted:
    """What the counters of a kernel have come to."""

    calls: int = 0
    nanoseconds: int = 0
    reads: int = 0
    writes: int = 0
    operations: int = 0


class KernelTimers:
    """The timers of one graph: `code` has a function of the name of each kernel."""

    def __init__(self, kernels: Sequence[TimedKernel]) -> None:
        self.names = [k.name for k in kernels]
        functions = known_symbols((CLOCK, ANYONE_LISTENS, *RANGES))
        symbols = functions | {f"{k.name}.kernel": k.code.address(k.name) for k in kernels}
        self.code = load(
            compile_object(timers_text(kernels, functions), host()),
            exports=[*self.names, COUNTERS],
            symbols=symbols,
            uses=[k.code for k in kernels],
        )
        array = ctypes.c_int64 * (SLOTS * len(kernels))
        self.counters = array.from_address(self.code.address(COUNTERS))

    def read(self) -> Mapping[str, Counted]:
        """What has been counted, by kernel."""
        starts = range(0, len(self.counters), SLOTS)
        return {
            name: Counted(*self.counters[start : start + len(FIELDS)])
            for name, start in zip(self.names, starts, strict=True)
        }

    def reset(self) -> None:
        ctypes.memset(self.counters, 0, ctypes.sizeof(self.counters))


def timers_text(kernels: Sequence[TimedKernel], functions: Mapping[str, int]) -> str:
    """The timers in LLVM IR; ranges only if all that they need is among `functions`."""
    with_ranges = all(name in functions for name in (ANYONE_LISTENS, *RANGES))
    parts = [
        f"@{COUNTERS} = global [{SLOTS * len(kernels)} x i64] zeroinitializer, align 64",
        f"declare i32 @{CLOCK}(i32, ptr)",
        "declare i64 @llvm.smax.i64(i64, i64)",
        "declare i64 @llvm.smin.i64(i64, i64)",
        NOW.format(clock=CLOCK, id=time.CLOCK_MONOTONIC),
    ]
    if with_ranges:
        parts.append(RANGE_DECLARATIONS)
    parts += [_timer_text(i, kernel, with_ranges) for i, kernel in enumerate(kernels)]
    return "\n".join(parts)


NOW = """
define internal i64 @now() {{
  %time = alloca {{ i64, i64 }}
  %rc = call i32 @{clock}(i32 {id}, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr {{ i64, i64 }}, ptr %time, i32 0, i32 1
  %rest = load i64, ptr %rest.at
  %scaled = mul i64 %seconds, 1000000000
  %total = add i64 %scaled, %rest
  ret i64 %total
}}
"""

RANGE_DECLARATIONS = f"""
declare i1 @{ANYONE_LISTENS}()
declare i32 @{RANGES[0]}(ptr, ptr, ptr, i64, ptr)
declare i32 @{RANGES[1]}(ptr)
"""

BEGIN_RANGE = f"""
  %range.at = alloca ptr
  store ptr null, ptr %range.at
  %listens = call zeroext i1 @{ANYONE_LISTENS}()
  br i1 %listens, label %begin, label %run
begin:
  %rc.begin = call i32 @{RANGES[0]}(ptr @name.{{number}}, ptr null, ptr null, i64 0, ptr %range.at)
  br label %run
run:"""

END_RANGE = f"""
  %range = load ptr, ptr %range.at
  %begun = icmp ne ptr %range, null
  br i1 %begun, label %end, label %done
end:
  %rc.end = call i32 @{RANGES[1]}(ptr %range)
  br label %done
done:"""


def _timer_text(number: int, kernel: TimedKernel, with_ranges: bool) -> str:
    types = ["ptr"] * kernel.pointers + ["i64"] * len(kernel.symbols)
    arguments = ", ".join(f"{type_} %a{i}" for i, type_ in enumerate(types))
    name = kernel.name
    numbers = _Numbers({s: f"%a{kernel.pointers + i}" for i, s in enumerate(kernel.symbols)})
    values = [numbers.value(dim) for dim in (kernel.reads, kernel.writes, kernel.operations)]
    lines = [f'declare void @"{name}.kernel"({", ".join(types)})']
    if with_ranges:
        size = len(name) + 1
        lines.append(f'@name.{number} = internal constant [{size} x i8] c"{name}\\00"')
    lines += [f'define void @"{name}"({arguments}) {{']
    if with_ranges:
        lines.append(BEGIN_RANGE.format(number=number))
    lines += [
        "  %before = call i64 @now()",
        f'  call void @"{name}.kernel"({arguments})',
        "  %after = call i64 @now()",
        "  %elapsed = sub i64 %after, %before",
        *numbers.lines,
    ]
    for field, value in enumerate(["1", "%elapsed", *values]):
        lines += [
            f"  %at{field} = getelementptr i64, ptr @{COUNTERS}, i64 {number * SLOTS + field}",
            f"  %old{field} = atomicrmw add ptr %at{field}, i64 {value} monotonic",
        ]
    if with_ranges:
        lines.append(END_RANGE)
    return "\n".join([*lines, "  ret void", "}"])


class _Numbers:
    """LLVM IR that computes dims from values of their symbols."""

    def __init__(self, symbols: Mapping[str, str]) -> None:
        self.symbols = symbols
        self.lines: list[str] = []

    def value(self, dim: Dim) -> str:
        return str(dim) if isinstance(dim, int) else self._of(ast.parse(dim, mode="eval").body)

    def _of(self, node: ast.expr) -> str:
        match node:
            case ast.Name(name):
                return self.symbols[name]
            case ast.Constant(value):
                return str(value)
            case ast.UnaryOp(ast.USub(), operand):
                return self._emit("sub i64 0, {}", operand)
            case ast.BinOp(left, operator, right):
                if isinstance(operator, ast.FloorDiv | ast.Mod):
                    divisor = self._new(f"call i64 @llvm.smax.i64(i64 {self._of(right)}, i64 1)")
                    code = "sdiv" if isinstance(operator, ast.FloorDiv) else "srem"
                    return self._new(f"{code} i64 {self._of(left)}, {divisor}")
                code = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}[type(operator)]
                return self._emit(code + " i64 {}, {}", left, right)
            case ast.Call(ast.Name(name), [first, *others]):
                value = self._of(first)
                for other in others:
                    taken = self._of(other)
                    value = self._new(f"call i64 @llvm.s{name}.i64(i64 {value}, i64 {taken})")
                return value
            case _:
                raise ValueError(f"not a symbolic size: {ast.unparse(node)!r}")

    def _emit(self, code: str, *operands: ast.expr) -> str:
        return self._new(code.format(*map(self._of, operands)))

    def _new(self, code: str) -> str:
        name = f"%n{len(self.lines)}"
        self.lines.append(f"  {name} = {code}")
        return name
