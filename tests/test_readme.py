"""README.md tells the truth: its commands print what it shows, its Python runs."""

import dataclasses
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fxlower.options import Options

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


SESSIONS = [block.split("\n", 1) for block in blocks(README, "console")]


def test_there_are_two_commands() -> None:
    for name in ("command-1", "command-2"):
        found = re.search(rf"^<!-- {name} -->\n```sh\n(.+)\n```$", README, re.MULTILINE)
        assert found and "-c constraints.txt" in found[1]


def unnumbered(line: str) -> str:
    """A line without what a new op or a new rule renumbers: values, hashes, registers."""
    line = re.sub(r"%(zmm)?\d+\b", "%", line)
    line = re.sub(r"(%[a-z]\w*?)_\d+\b", r"\1", line)
    return " ".join(re.sub(r"_[0-9a-f]{12}\b", "_", line).split())


@pytest.mark.parametrize(("command", "shown"), SESSIONS, ids=[s[0] for s in SESSIONS])
def test_a_command_prints_what_is_shown(command: str, shown: str) -> None:
    """Lines shown occur in this order. `...` on a line of its own stands for any lines; at the
    end of one, for the rest of that line."""
    prompt, program, *arguments = shlex.split(command)
    assert (prompt, program) == ("$", "fxlower-opt")
    run = subprocess.run(
        [sys.executable, "-m", "fxlower.tools.fxlower_opt", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    printed = iter([unnumbered(line) for line in run.stdout.splitlines()])
    for wanted in shown.splitlines():
        wanted = unnumbered(wanted)
        if wanted == "...":
            continue
        start = wanted.removesuffix(" ...")
        found = any(p == wanted or (start != wanted and p.startswith(start)) for p in printed)
        assert found, f"does not print, or not in this order: {wanted}\n\n{run.stdout}"


def test_the_levels_are_shown() -> None:
    shown = " ".join(command for command, _ in SESSIONS)
    for stage in ("tensor", "linalg", "loops", "vector", "llvm"):
        assert f"--until {stage} " in shown
    assert "--emit asm" in shown


def test_python_runs() -> None:
    program = "\n".join(blocks(README, "python"))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "kernels" in run.stdout


def test_a_custom_operator_gets_a_lowering() -> None:
    """The example of docs/adding-an-operator.md."""
    example = blocks((ROOT / "docs/adding-an-operator.md").read_text(), "python")[-1]
    program = example + (
        "f = lambda x: soft_clamp(x, 2.0) + 1\n"
        "x = torch.randn(37)\n"
        "explanation = fxlower.explain(f, x, options={'fallback': 'error'})\n"
        "torch.testing.assert_close(explanation.result, f(x))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_options_are_listed() -> None:
    table = README.split("| option |", 1)[1].split("\n\n", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", table, re.MULTILINE)
    fields = [(f.name, repr(f.default).replace("'", '"')) for f in dataclasses.fields(Options)]
    assert rows == fields


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target
    for path in re.findall(r"`((?:fxlower|dialects|runtime|tools|tests|docs)/[\w./]+)`", text):
        if "my_pass" not in path:
            assert (ROOT / path).exists(), path
