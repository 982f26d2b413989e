"""Random programs on tensors, as source text: what fails is printed as a script that runs.

`random_program` draws from a `draw(low, high) -> int`, so that hypothesis can shrink what it makes.
Every statement is run in eager mode as it is drawn, and left out where it raises or its numbers get
large; so a program is valid, and its results say something.

Results of eager and compiled code differ by roundings. What jumps (`floor`, `>`, `argmax`) is
therefore only applied to values without roundings, and so is, where gradients are asked for, what
has a kink (`relu`, `amax`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Draw = Callable[[int, int], int]

HELPERS = """\
import torch
import torch.nn.functional as F


def floats(shape, dtype, seed, special=False):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=generator, dtype=torch.float64)
    if special and values.numel():
        odd = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0], dtype=torch.float64)
        flat = values.view(-1)
        where = torch.randint(flat.numel(), (4,), generator=generator)
        flat[where] = odd
    return values.to(dtype)


def integers(shape, dtype, seed):
    low, high = (0, 2) if dtype == torch.bool else (0, 9) if dtype == torch.uint8 else (-9, 9)
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, shape, generator=generator).to(dtype)
"""

FLOATS = ("float32", "float64", "bfloat16", "float16")
INTEGERS = ("int64", "int32", "uint8", "int16", "int8")
DTYPES = (
    *("float32",) * 8,
    *FLOATS[1:],
    *("int64", "int64", "int32", "int16", "int8", "uint8", "bool"),
)
SIZES = (2, 3, 1, 5, 7, 8, 16, 17, 33, 64, 0)
FIXED = ("1", "2", "3", "4", "5", "8", "0")
LARGEST = 3e3
KINDS = {"n": "fi", "x": "fio"}
"""Kinds of values that more than one kind of operand takes."""
MOST_ELEMENTS = 1 << 14

SMOOTH, KINK, JUMP, EXACT = "smooth", "kink", "jump", "exact"


@dataclass(frozen=True)
class Template:
    """`{a}`, `{b}`, `{c}` are values of the kinds in `operands`: `f` a float, `i` an integer, `n` a
    number, `o` a boolean, `x` anything; `{d}` a dim of `a`; `{k}` a small number. `how` says
    whether the result is continuous, or made without rounding."""

    text: str
    operands: str
    how: str
    broadcast: bool = True


def _templates(how: str, operands: str, *texts: str, broadcast: bool = True) -> list[Template]:
    return [Template(text, operands, how, broadcast) for text in texts]


def _calls(names: str) -> list[str]:
    return [f"torch.{name}({{a}})" for name in names.split()]


SHIFTED = "({b}.abs() + 0.5)"

TEMPLATES: list[Template] = [
    *_templates(SMOOTH, "f", *_calls("sin cos tanh sigmoid exp erf atan expm1 square sinh asinh")),
    *_templates(SMOOTH, "f", *(f"F.{n}({{a}})" for n in ["gelu", "silu", "softplus", "mish"])),
    *_templates(
        SMOOTH,
        "f",
        "{a} * 0.3",
        "1.5 - {a}",
        "{a} ** 2",
        "{a} ** 3",
        "torch.log1p({a}.square())",
        "torch.sqrt({a}.square() + 0.25)",
        "torch.rsqrt({a}.square() + 0.5)",
        "1 / ({a}.square() + 0.5)",
        "({a}.square() + 0.1).log()",
        "F.gelu({a}, approximate='tanh')",
    ),
    *_templates(KINK, "f", "torch.relu({a})", "{a}.abs()", "F.leaky_relu({a}, 0.2)", "F.elu({a})"),
    *_templates(KINK, "f", "{a}.clamp(-0.5, 0.7)", "F.hardtanh({a})", "{a}.clamp(min=0.1)"),
    *_templates(JUMP, "f", "{a}.floor()", "{a}.ceil()", "{a}.round()", "{a}.trunc()", "{a}.sign()"),
    *_templates(JUMP, "n", "{a} > 0", "{a} == 1", "torch.isfinite({a})", "{a} <= {k}"),
    *_templates(EXACT, "x", "{a}.logical_not()", "torch.zeros_like({a})", "torch.ones_like({a})"),
    *_templates(EXACT, "n", "-{a}"),
    *_templates(EXACT, "i", "{a} * 3 - 1", "{a} & 6", "{a} | 3", "{a} ^ 5", "{a} << 1", "{a} >> 1"),
    *_templates(EXACT, "i", "{a} // 3", "{a} % 4", "torch.div({a}, -2, rounding_mode='trunc')"),
    *_templates(SMOOTH, "i", "{a} / 3", "{a}.float() * 0.1"),
    *_templates(EXACT, "i", "{a}.abs()", "{a}.clamp(-2, 3)", "{a}.sum({d})", "{a}.prod({d})"),
    *_templates(
        SMOOTH, "nn", "{a} + {b}", "{a} - {b}", "{a} * {b}", "torch.add({a}, {b}, alpha=2)"
    ),
    *_templates(SMOOTH, "nn", "torch.rsub({a}, {b})", f"{{a}} / {SHIFTED}"),
    *_templates(SMOOTH, "ff", f"torch.atan2({{a}}, {SHIFTED})", "torch.lerp({a}, {b}, 0.3)"),
    *_templates(SMOOTH, "ff", f"torch.hypot({{a}}, {SHIFTED})", "{a}.tanh().exp() * {b}"),
    *_templates(SMOOTH, "fff", "torch.addcmul({a}, {b}, {c}, value=0.5)"),
    *_templates(KINK, "nn", "torch.maximum({a}, {b})", "torch.minimum({a}, {b})"),
    *_templates(KINK, "ff", "torch.fmax({a}, {b})", "torch.fmin({a}, {b})"),
    *_templates(JUMP, "nn", "{a} < {b}", "{a} >= {b}", "{a} != {b}", "torch.eq({a}, {b})"),
    *_templates(JUMP, "nn", f"torch.remainder({{a}}, {SHIFTED})", f"torch.fmod({{a}}, {SHIFTED})"),
    *_templates(EXACT, "ii", "{a} & {b}", "{a} | {b}", "{a} ^ {b}"),
    *_templates(EXACT, "oo", "{a} & {b}", "{a} ^ {b}", "torch.logical_or({a}, {b})"),
    *_templates(EXACT, "onn", "torch.where({a}, {b}, {c})"),
    *_templates(EXACT, "no", "{a}.masked_fill({b}, 0.0)", "{a}.masked_fill({b}, 2)"),
    *_templates(
        SMOOTH, "f", "{a}.sum({d})", "{a}.sum()", "{a}.mean({d}, keepdim=True)", "{a}.mean()"
    ),
    *_templates(SMOOTH, "f", "torch.softmax({a}, {d})", "torch.log_softmax({a}, {d})"),
    *_templates(SMOOTH, "f", "torch.logsumexp({a}, {d})", "torch.cumsum({a}, {d})", "{a}.var({d})"),
    *_templates(SMOOTH, "f", "{a}.tanh().prod({d})", "torch.cumprod({a}.tanh(), {d})"),
    *_templates(SMOOTH, "f", "F.layer_norm({a}, {a}.shape[-1:])", "{a}.sum({d}, keepdim=True)"),
    *_templates(SMOOTH, "f", "({a}.square().sum({d}, keepdim=True) + 1).sqrt()"),
    *_templates(KINK, "n", "{a}.amax({d})", "{a}.amin({d}, keepdim=True)", "{a}.max({d}).values"),
    *_templates(KINK, "n", "{a}.sort({d}).values", "{a}.max()", "torch.topk({a}, 1, {d}).values"),
    *_templates(JUMP, "n", "{a}.argmax({d})", "{a}.argmin({d}, keepdim=True)"),
    *_templates(EXACT, "x", "{a}.any({d})", "{a}.all({d})", "{a}.any()"),
    *_templates(EXACT, "o", "{a}.sum({d})", "{a}.cumsum({d})", "{a}.to(torch.float32)"),
    *_templates(EXACT, "i", "{a}.cumsum({d})", "{a}.float()", "{a}.to(torch.uint8)", "{a}.bool()"),
    *_templates(JUMP, "f", "{a}.to(torch.int64)", "{a}.to(torch.int32)", "{a}.bool()"),
    *_templates(SMOOTH, "f", "{a}.to(torch.bfloat16)", "{a}.to(torch.float16)", "{a}.double()"),
    *_templates(SMOOTH, "f", "{a}.float()", "{a}.float()"),
    *_templates(
        EXACT,
        "x",
        "{a}.transpose(0, -1)",
        "{a}.movedim({d}, 0)",
        "{a}.reshape(-1)",
        "{a}.flatten(1)",
        "{a}.reshape({a}.shape[0], -1)",
        "{a}.unsqueeze({d})",
        "{a}.unsqueeze(-1)",
        "{a}.squeeze({d})",
        "{a}.contiguous()",
        "{a}.clone()",
        "{a}.flip({d})",
        "{a}.roll({k}, {d})",
        "{a}[..., ::2]",
        "{a}[1:]",
        "{a}[:-1]",
        "{a}[..., {k}:]",
        "{a}[0]",
        "{a}.select({d}, -1)",
        "{a}.narrow({d}, 0, 1)",
        "{a}.unbind({d})[0]",
        "{a}.chunk(2, {d})[-1]",
        "{a}.expand(3, *{a}.shape)",
        "{a}.repeat(2, *[1] * ({a}.dim() - 1))",
        "{a}.repeat_interleave(2, {d})",
        "{a}.tril()",
        "{a}.triu(1)",
        "{a}.diagonal(0, 0, -1)",
        "F.pad({a}, (1, 2))",
        "F.pad({a}, (-1, 1))",
        "{a}.unfold({d}, 2, 1)",
        "{a}.index_select({d}, torch.arange({a}.shape[{d}]).flip(0))",
        "{a}[torch.arange({a}.shape[0]) // 2]",
        "torch.cat([{a}, {a}], {d})",
        "torch.stack([{a}, {a}], {d})",
    ),
    *_templates(
        EXACT, "xx", "torch.cat([{a}, {b}], {d})", "torch.stack([{a}, {b}], {d})", broadcast=False
    ),
    *_templates(EXACT, "xx", "{a}.expand_as({b})"),
    *_templates(
        SMOOTH,
        "f",
        "F.avg_pool1d({a}.reshape(1, -1, {a}.shape[-1]), 2, 1)",
        "F.adaptive_avg_pool1d({a}.reshape(1, -1, {a}.shape[-1]), 3)",
        "F.interpolate({a}.reshape(1, -1, {a}.shape[-1]), scale_factor=2.0, mode='linear')",
        "F.conv1d({a}.reshape(-1, 1, {a}.shape[-1]), torch.ones(2, 1, 3).to({a}), padding=1)",
        "F.conv1d({a}.reshape(-1, 1, {a}.shape[-1]), torch.ones(2, 1, 2).to({a}), stride=2)",
        "torch.cat([{a}.softmax(-1), {a}.tanh()], -1)",
    ),
    *_templates(
        KINK,
        "f",
        "F.max_pool1d({a}.reshape(1, -1, {a}.shape[-1]), 2)",
        "F.max_pool1d({a}.reshape(1, -1, {a}.shape[-1]), 3, 1, 1)",
        "{a}.sort({d}, descending=True).values",
        "torch.topk({a}, 2, {d}, largest=False).values",
        "{a}.cummax({d}).values",
    ),
    *_templates(
        EXACT,
        "x",
        "F.interpolate({a}.reshape(1, -1, {a}.shape[-1]).double(), scale_factor=2.0)",
        "torch.as_strided({a}.contiguous(), (2,), (1,))",
        "{a}.view({a}.shape)",
        "{a}.mT",
        "{a}.argsort({d}, stable=True)",
        "torch.where({a} == 1, {a}, torch.zeros_like({a}))",
        "{a}.index_fill({d}, torch.arange({a}.shape[{d}])[:2], 1)",
    ),
    *_templates(
        EXACT,
        "xix",
        "{a}.index_put(({b}.reshape(-1)[:1] % {a}.shape[0],), {c}.reshape(-1)[0].to({a}.dtype))",
        "{a}.index_copy({d}, torch.arange({a}.shape[{d}]).flip(0), {a})",
        broadcast=False,
    ),
    *_templates(EXACT, "ni", "{a}.gather({d}, {b} % {a}.shape[{d}])", broadcast=False),
    *_templates(EXACT, "xi", "{a}[{b} % {a}.shape[0]]", broadcast=False),
    *_templates(SMOOTH, "nin", "{a}.scatter_add({d}, {b} % {a}.shape[{d}], {c})", broadcast=False),
    *_templates(SMOOTH, "f", "{a} @ {a}.transpose(-1, -2)", "{a}.transpose(-1, -2) @ {a}"),
    *_templates(SMOOTH, "f", "{a}.reshape(-1, {a}.shape[-1]) @ {a}.reshape(-1, {a}.shape[-1]).t()"),
    *_templates(
        SMOOTH,
        "ff",
        "{a} @ {b}",
        "{a} @ {b}.transpose(-1, -2)",
        "F.linear({a}, {b})",
        "torch.einsum('ij,kj->ik', {a}, {b})",
        "torch.outer({a}.reshape(-1)[:7], {b}.reshape(-1)[:5])",
        broadcast=False,
    ),
]

STATEMENTS: list[Template] = [
    *_templates(SMOOTH, "nn", "{v} = {a}.clone(); {v}.add_({b})", "{v} = {a} * 1; {v}.mul_({b})"),
    *_templates(EXACT, "x", "{v} = {a}.clone(); {v}[..., 0] = 1"),
    *_templates(SMOOTH, "f", "{v} = {a} * 1; {v}[1:] *= 2", "{v} = {a}.clone(); {v}.t().sin_()"),
    *_templates(EXACT, "xx", "{v} = torch.zeros_like({a}); {v}.copy_({b})"),
    *_templates(SMOOTH, "ff", "{v} = {a}.clone(); {v}[..., :1] = {b}[..., :1]"),
]

CHANGES: list[Template] = [
    *_templates(SMOOTH, "nn", "{a}.add_({b})", "{a}.mul_({b})", "{a}.sub_({b}, alpha=2)"),
    *_templates(EXACT, "n", "{a}.neg_()", "{a}.mul_(2)", "{a}[..., ::2].add_(1)"),
    *_templates(
        EXACT, "x", "{a}.zero_()", "{a}[..., 0] = 1", "{a}[1:].fill_(1)", "{a}.t().fill_(0)"
    ),
    *_templates(EXACT, "x", "{a}.diagonal(0, 0, -1).fill_(1)", "{a}.unbind({d})[-1].fill_(1)"),
    *_templates(EXACT, "xx", "{a}.copy_({b})", "{a}[..., :1] = {b}[..., :1]"),
    *_templates(EXACT, "xo", "{a}.masked_fill_({b}, 1)", "{a}[{b}.reshape(-1)[0]] = 0"),
    *_templates(SMOOTH, "f", "{a}.sin_()", "{a}[..., :1].tanh_()", "{a}.view(-1)[::2].mul_(0.5)"),
]
"""Of an input, or of a view of one."""

LAYOUTS = (
    "{}",
    "{}",
    "{}.transpose(0, -1)",
    "{}[..., ::2]",
    "{}[1:]",
    "{}[:1].expand(5, *[-1] * ({}.dim() - 1))",
    "{}.unsqueeze(-1).expand(*[-1] * {}.dim(), 4)",
    "{}[..., 1:-1]",
    "{}[::3]",
)


@dataclass
class Value:
    name: str
    tensor: Tensor
    exact: bool

    @property
    def kind(self) -> str:
        dtype = self.tensor.dtype
        return "f" if dtype.is_floating_point else "o" if dtype == torch.bool else "i"


@dataclass
class Program:
    """`inputs(n, m)` and `program(...)` as source; sizes to call them with."""

    inputs: list[tuple[str, str]] = field(default_factory=list)
    statements: list[tuple[str, str]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    dynamic: bool = False
    grad: bool = False

    def source(self) -> str:
        names = ", ".join(name for name, _ in self.inputs)
        makers = "".join(f"\n    {name} = {text}" for name, text in self.inputs)
        body = "".join(f"\n    {text}" for _, text in self.statements)
        return (
            f"{HELPERS}\n\ndef inputs(n, m):{makers}\n    return [{names}]\n\n\n"
            f"def program({names}):{body}\n    return [{', '.join(self.results)}]\n"
        )

    def script(self) -> str:
        """The program with a check against eager mode."""
        return (
            f"{self.source()}\n\n"
            f"compiled = torch.compile(program, backend='fxlower', dynamic={self.dynamic})\n"
            f"for n, m in {self.sizes}:\n"
            f"    args = [t.requires_grad_({self.grad} and t.is_floating_point())"
            " for t in inputs(n, m)]\n"
            "    found, expected = compiled(*args), program(*args)\n"
            "    torch.testing.assert_close(found, expected, equal_nan=True)\n"
            "    if floats := [t for t in args if t.requires_grad]:\n"
            "        sums = [sum(t.double().sum() for t in r if t.requires_grad)"
            " for r in (found, expected)]\n"
            "        found, expected = (torch.autograd.grad(s, floats, allow_unused=True)"
            " for s in sums)\n"
            "        torch.testing.assert_close(found, expected, equal_nan=True)\n"
        )

    def load(self) -> tuple[Callable[[int, int], list[Tensor]], Callable[..., list[Tensor]]]:
        names: dict[str, Any] = {}
        exec(compile(self.source(), "<random program>", "exec"), names)
        return names["inputs"], names["program"]


def random_program(draw: Draw, length: int = 12) -> Program:
    """A valid program of up to `length` statements."""
    program = Program(dynamic=draw(0, 2) == 2)
    program.grad = draw(0, 2) == 2
    special = not program.grad and draw(0, 7) == 7
    changes = not program.grad and draw(0, 2) == 2
    sizes = [SIZES[draw(0, len(SIZES) - 1)] for _ in range(4)]
    program.sizes = [(sizes[0], sizes[1])]
    if program.dynamic:
        program.sizes.append((sizes[2], sizes[3]))
    maker = Maker(draw, program, special)
    for _ in range(draw(1, 4)):
        maker.add_input()
    for _ in range(draw(2, length)):
        if changes and draw(0, 5) == 5:
            try:
                maker.add_change()
            except Unusable:
                break
        else:
            maker.add_statement()
    maker.choose_results()
    return program


class Unusable(Exception):
    """A program that can no longer be continued."""


class Maker:
    """Draws the parts of a program and runs them."""

    def __init__(self, draw: Draw, program: Program, special: bool):
        self.draw = draw
        self.program = program
        self.special = special
        self.values: list[Value] = []
        self.scope: dict[str, Any] = {}
        exec(HELPERS, self.scope)
        self.scope["n"], self.scope["m"] = program.sizes[0]

    def add_input(self) -> None:
        rank = (2, 2, 1, 3, 0, 4)[self.draw(0, 5)]
        dims = [
            ("n", "m", FIXED[self.draw(0, len(FIXED) - 1)])[(0, 1, 0, 1, 2)[self.draw(0, 4)]]
            for _ in range(rank)
        ]
        shape = f"({', '.join(dims)},)" if dims else "()"
        dtype = DTYPES[self.draw(0, len(DTYPES) - 1)]
        seed = len(self.program.inputs)
        if dtype in FLOATS:
            special = ", special=True" if self.special else ""
            text = f"floats({shape}, torch.{dtype}, {seed}{special})"
        else:
            text = f"integers({shape}, torch.{dtype}, {seed})"
        name = f"x{seed}"
        base = self.evaluate(text)
        assert base is not None
        if base.dim():
            layout = LAYOUTS[self.draw(0, len(LAYOUTS) - 1)]
            laid = layout.replace("{}", "base")
            self.scope["base"] = base
            if laid != "base" and self.evaluate(laid) is not None:
                text = f"(lambda base: {laid})({text})"
        tensor = self.evaluate(text)
        assert tensor is not None
        self.program.inputs.append((name, text))
        self.scope[name] = tensor
        self.values.append(Value(name, tensor, exact=True))

    def evaluate(self, text: str) -> Tensor | None:
        try:
            found = eval(text, self.scope)
        except (RuntimeError, IndexError, ValueError, TypeError, ZeroDivisionError):
            return None
        return found

    def pick(self, kind: str, like: Tensor | None) -> Value | None:
        """A value of a kind, late ones first, that broadcasts with `like`."""
        wanted = KINDS.get(kind, kind)
        found = [v for v in reversed(self.values) if v.kind in wanted]
        if like is not None:
            found = [v for v in found if broadcasts(v.tensor, like)]
        return found[self.draw(0, len(found) - 1)] if found else None

    def add_statement(self) -> None:
        first = self.values[-1 - self.draw(0, len(self.values) - 1)]
        statements = self.draw(0, 9) == 9
        table = [
            t
            for t in (STATEMENTS if statements else TEMPLATES)
            if first.kind in KINDS.get(t.operands[0], t.operands[0])
            and (t.how != JUMP or first.exact)
            and (t.how != KINK or first.exact or not self.program.grad)
        ]
        if not table:
            return
        template = table[self.draw(0, len(table) - 1)]
        operands = [first]
        for kind in template.operands[1:]:
            value = self.pick(kind, first.tensor if template.broadcast else None)
            if value is None:
                return
            operands.append(value)
        exact = all(v.exact for v in operands)
        if not exact and (template.how == JUMP or template.how == KINK and self.program.grad):
            return
        if self.special and template.how == JUMP and ".to(" in template.text:
            return  # the integer of a NaN is any
        name = f"v{len(self.program.statements)}"
        names = dict(zip("abc", (v.name for v in operands), strict=False))
        dim = self.draw(0, max(first.tensor.dim() - 1, 0))
        text = template.text.format(**names, d=dim, k=self.draw(0, 3), v=name)
        if not statements:
            text = f"{name} = {text}"
        try:
            exec(text, self.scope)
        except (RuntimeError, IndexError, ValueError, TypeError, ZeroDivisionError):
            return
        tensor = self.scope[name]
        if tensor.numel() > MOST_ELEMENTS or tensor.dim() > 6:
            return
        finite = tensor[tensor.isfinite()] if tensor.is_floating_point() else tensor
        if finite.numel() and finite.double().abs().max() > LARGEST:
            return
        integral = not tensor.is_floating_point()
        exact = exact and (integral or template.how != SMOOTH)
        self.program.statements.append((name, text))
        self.values.append(Value(name, tensor, exact))

    def add_change(self) -> None:
        """Change an input, or a value that may be a view of one, in place."""
        value = self.values[self.draw(0, len(self.values) - 1)]
        table = [t for t in CHANGES if value.kind in KINDS.get(t.operands[0], t.operands[0])]
        template = table[self.draw(0, len(table) - 1)]
        names = {"a": value.name, "d": self.draw(0, max(value.tensor.dim() - 1, 0))}
        for letter, kind in zip("bc", template.operands[1:], strict=False):
            other = self.pick(kind, value.tensor)
            if other is None:
                return
            names[letter] = other.name
        text = template.text.format(**names)
        copies = {v.name: v.tensor.clone() for v in self.values}
        try:
            exec(text, self.scope)
        except (RuntimeError, IndexError, ValueError, TypeError):
            changed = [n for n, old in copies.items() if not same_bits(self.scope[n], old)]
            if changed:  # by half a statement
                raise Unusable from None
            return
        for other in self.values:
            kept = same_bits(other.tensor, copies[other.name])
            other.exact = other.exact and (kept or template.how != SMOOTH)
        self.program.statements.append(("", text))

    def choose_results(self) -> None:
        made = [name for name, _ in self.program.statements if name] or [self.program.inputs[0][0]]
        used = " ".join(text.split(" = ", 1)[-1] for _, text in self.program.statements)
        words = set("".join(c if c.isalnum() else " " for c in used).split())
        self.program.results = [n for n in made if n not in words or n == made[-1]]
        extra = made[self.draw(0, len(made) - 1)]
        if extra not in self.program.results:
            self.program.results.append(extra)


def same_bits(a: Tensor, b: Tensor) -> bool:
    return bool(((a == b) | (a != a) & (b != b)).all())


def broadcasts(a: Tensor, b: Tensor) -> bool:
    return all(
        m == n or m == 1 or n == 1
        for m, n in zip(reversed(a.shape), reversed(b.shape), strict=False)
    )
