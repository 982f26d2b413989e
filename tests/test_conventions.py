"""The rules of CONTRIBUTING.md that a machine can check: names, layers, tests that test."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fxlower.dialects.fxt import FXT
from fxlower.dialects.tile import TILE
from fxlower.universe import FXLOWER_UNIVERSE, PASSES

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "fxlower"
SOURCES = sorted(
    f for f in [*PACKAGE.rglob("*.py"), *PACKAGE.glob("*/**/*.py")] if "__pycache__" not in f.parts
)
for link in ("dialects", "runtime", "tools"):  # rglob does not follow links
    SOURCES += sorted((PACKAGE / link).rglob("*.py"))
SOURCES = sorted(set(SOURCES))
IR_TESTS = sorted(
    f for f in (ROOT / "tests/filecheck").rglob("*.mlir") if not {"Inputs", "Output"} & set(f.parts)
)


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def module_of(file: Path) -> str:
    return file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")


def imports(file: Path) -> Iterator[str]:
    """Every module that `file` imports, at any place."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# ------------------------------------------------------------------------------- passes


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_is_found_under_one_name(name: str) -> None:
    stem = name.replace("-", "_")
    cls = FXLOWER_UNIVERSE.all_passes[name]()
    assert cls.name == name
    assert cls.__name__ == stem.title().replace("_", "") + "Pass"
    assert cls.__module__ == f"fxlower.passes.{stem}"
    assert (ROOT / f"tests/filecheck/passes/{stem}.mlir").exists(), "a pass has an IR test"


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_says_what_it_does_in_ir(name: str) -> None:
    file = PACKAGE / "passes" / f"{name.replace('-', '_')}.py"
    docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
    assert "Before:" in docstring and "After:" in docstring


def test_the_pipeline_is_made_of_passes_there_are() -> None:
    from fxlower.targets.machines import FIXED, host

    for target in (host(), *FIXED.values()):
        for name in target.pipeline().split(","):
            assert name in PASSES


def test_names_are_not_those_of_xdsl() -> None:
    from xdsl.universe import XDSL_UNIVERSE

    assert not XDSL_UNIVERSE.all_passes.keys() & FXLOWER_UNIVERSE.all_passes.keys()
    assert not XDSL_UNIVERSE.all_dialects.keys() & FXLOWER_UNIVERSE.all_dialects.keys()


# ------------------------------------------------------------------------------- layers

ALLOWED = {
    "errors": set(),
    "dialects": {"dialects"},
    "analysis": {"analysis", "dialects", "errors", "targets"},
    "targets": {"targets", "errors"},
    "passes": {"passes", "analysis", "dialects", "errors", "targets"},
    "codegen": {"codegen", "dialects", "errors", "targets"},
    "frontend": {"frontend", "analysis", "dialects", "errors"},
    "runtime": {"runtime", "analysis", "codegen", "dialects", "errors", "frontend", "targets"},
    "reference": {"reference", "frontend", "analysis", "dialects", "errors"},
    "universe": {"dialects", "passes"},
}
"""What each part of fxlower may import of fxlower; parts not named here may import anything."""

MAY_IMPORT_TORCH = {
    "fxlower/__main__.py",
    "fxlower/backend.py",
    "fxlower/demo/",
    "fxlower/explanation.py",
    "fxlower/bisection.py",
    "fxlower/frontend/",
    "fxlower/graph_cache.py",
    "fxlower/graph_key.py",
    "fxlower/graph_script.py",
    "fxlower/kernel_calls.py",
    "fxlower/reference/",
    "fxlower/profiling.py",
    "fxlower/runtime/",
    "fxlower/standalone.py",
    "fxlower/testing.py",
    "fxlower/tools/bench/",
    "fxlower/tools/cache.py",
    "fxlower/tools/operator_table.py",
    "fxlower/tools/opinfo/",
    "fxlower/tools/soak.py",
    "fxlower/tools/tune.py",
}


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_layers(file: Path) -> None:
    parts = module_of(file).split(".")
    part = parts[1] if len(parts) > 1 else ""
    if part not in ALLOWED:
        return
    used = {m.split(".")[1] for m in imports(file) if m.startswith("fxlower.")}
    assert used <= ALLOWED[part], f"{part} must not import {sorted(used - ALLOWED[part])}"


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_torch_stays_at_the_ends(file: Path) -> None:
    if not any(name_of(file).startswith(p) for p in MAY_IMPORT_TORCH):
        assert not [m for m in imports(file) if m.split(".")[0] == "torch"]


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_the_environment_is_read_in_one_place(file: Path) -> None:
    if name_of(file) != "fxlower/options.py" and "/bench/" not in name_of(file):
        assert "os.environ" not in file.read_text() and "getenv" not in file.read_text()


def test_fxlower_opt_never_imports_torch() -> None:
    """Not even with every dialect and every pass of ours loaded."""
    program = (
        "import sys\n"
        "from fxlower.tools.fxlower_opt import FxlowerOptMain\n"
        "from fxlower.universe import DIALECTS, PASSES, REPLACED_DIALECTS\n"
        "main = FxlowerOptMain(args=['-p', ','.join(PASSES)])\n"
        "for factory in (DIALECTS | REPLACED_DIALECTS).values(): factory()\n"
        "import fxlower\n"
        "print('torch' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "False\n", run.stderr


def test_fxlower_opt_loads_only_what_it_uses() -> None:
    """Starting costs a fraction of a second: neither LLVM nor the passes are loaded for --help."""
    program = (
        "import sys\n"
        "from fxlower.tools.fxlower_opt import FxlowerOptMain\n"
        "FxlowerOptMain(args=[])\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('llvmlite', 'numpy', 'sympy')\n"
        "       or m.startswith(('fxlower.analysis.', 'xdsl.transforms.'))])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "[]\n", run.stdout + run.stderr


# -------------------------------------------------------------------------------- files


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_a_file_is_one_thought(file: Path) -> None:
    text = file.read_text()
    assert text.count("\n") <= 600, "split it: helpers into sibling modules"
    assert not text or ast.get_docstring(ast.parse(text)), "a module has a docstring"


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_no_loose_ends(file: Path) -> None:
    text = file.read_text()
    assert not re.findall(r"\b(TODO|FIXME|XXX)\b", text)
    assert not re.findall(r"^\s*except:", text, re.MULTILINE), "name what is caught"
    assert not re.findall(r"""["'](/home/|/tmp/|/Users/)""", text), "a path of one machine"


# ----------------------------------------------------------------------------- IR tests

ROUND_TRIPS = "\n".join(f.read_text() for f in (ROOT / "tests/filecheck/dialects").glob("*.mlir"))


@pytest.mark.parametrize(
    "name", sorted(op.name for dialect in (FXT, TILE) for op in dialect.operations)
)
def test_an_op_has_a_round_trip_test(name: str) -> None:
    assert re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", ROUND_TRIPS), (
        f"{name} occurs in no file of tests/filecheck/dialects"
    )


@pytest.mark.parametrize("file", IR_TESTS, ids=name_of)
def test_checks_check(file: Path) -> None:
    """filecheck ignores `CHECK-NEXT foo` and unknown prefixes: such lines look like tests."""
    text = file.read_text()
    runs = re.findall(r"^\s*// RUN: .*$", text, re.MULTILINE)
    assert runs, "a lit test has a RUN line"
    prefixes = {"CHECK"} | set(re.findall(r"--check-prefix(?:=|\s+)([\w-]+)", "\n".join(runs)))
    for names in re.findall(r"--check-prefixes(?:=|\s+)([\w,-]+)", "\n".join(runs)):
        prefixes |= set(names.split(","))
    kinds = "NEXT|SAME|NOT|DAG|LABEL|EMPTY|COUNT-\\d+"
    for prefix in prefixes:
        loose = rf"^\s*//\s*{re.escape(prefix)}(?:-(?:{kinds}))?[ \t]+\S.*$"
        assert not re.findall(loose, text, re.MULTILINE), "a CHECK lacks its colon"
    known = {f"{p}{k}" for p in prefixes for k in ("", "-NEXT", "-SAME", "-NOT", "-DAG", "-LABEL")}
    known |= {f"{p}-EMPTY" for p in prefixes}
    used = set(re.findall(r"^\s*//\s*([A-Z][A-Z0-9_-]+):", text, re.MULTILINE)) - {
        "RUN",
        "REQUIRES",
    }
    stray = {u for u in used - known if not re.match(r".*-COUNT-\d+$", u)}
    assert not stray, f"no RUN line has the prefix of {sorted(stray)}"
    if any("filecheck" in run for run in runs):
        assert used, "filecheck without a CHECK line"
