"""The file that gives `perf` the names of generated code."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fxlower.codegen.object import compile_object
from fxlower.runtime.jit import load
from fxlower.runtime.perf_map import PerfMap, functions, located
from fxlower.targets.host import host

CODE = """
define internal i64 @helper(i64 %x) noinline {
  %y = mul i64 %x, 12345
  ret i64 %y
}
define i64 @kernel(i64 %x) {
  %y = add i64 %x, 54321
  ret i64 %y
}
define i64 @caller(i64 %x) {
  %y = call i64 @helper(i64 %x)
  ret i64 %y
}
"""


def lines_of(file: Path) -> dict[str, tuple[int, int]]:
    split = [line.split(" ", 2) for line in file.read_text().splitlines()]
    return {name: (int(start, 16), int(size, 16)) for start, size, name in split}


@pytest.fixture
def written(tmp_path: Path) -> PerfMap:
    made = PerfMap(tmp_path)
    made.enable()
    return made


def test_functions_are_where_the_map_says() -> None:
    """Also those that nobody can ask the linker for: their code is the object file's."""
    image = compile_object(CODE, host())
    code = load(image, ["kernel"])
    found = {name: (start, size) for name, start, size in located(image, code.addresses)}
    assert set(found) == {"helper", "kernel", "caller"}
    assert found["kernel"][0] == code.address("kernel")
    for name in "helper", "kernel":  # a call is relocated, so `caller` differs
        start, size = found[name]
        assert ctypes.string_at(start, size) in image and size > 4
    ends = sorted((start, start + size) for start, size in found.values())
    assert all(end <= start for (_, end), (start, _) in zip(ends, ends[1:]))


def test_what_is_no_elf_file_has_no_functions() -> None:
    assert not list(functions(b"\xcf\xfa\xed\xfe" + bytes(100)))


def test_nothing_is_written_before_it_is_enabled(tmp_path: Path) -> None:
    made = PerfMap(tmp_path)
    made.add(compile_object(CODE, host()), {"kernel": 4096})
    assert not list(tmp_path.iterdir())


def test_lines_are_added(written: PerfMap) -> None:
    image = compile_object(CODE, host())
    written.add(image, {"kernel": 1 << 20})
    written.add(image.replace(b"helper", b"second"), {"kernel": 1 << 21})
    found = lines_of(written.file)
    assert found["kernel"][0] == 1 << 21 and {"helper", "second"} <= found.keys()
    assert written.file.stat().st_mode & 0o777 == 0o600


def test_a_child_has_a_file_of_its_own(written: PerfMap) -> None:
    written.add(compile_object(CODE, host()), {"kernel": 1 << 20})
    before = lines_of(written.file)
    child = os.fork()
    if child == 0:
        written.after_fork()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert lines_of(written.folder / f"perf-{child}.map") == before == lines_of(written.file)


def test_lines_of_a_process_that_is_gone_are_dropped(written: PerfMap) -> None:
    written.file.write_text("1000 10 old\n")
    os.utime(written.file, (1, 1))
    written.add(compile_object(CODE, host()), {"kernel": 1 << 20})
    assert "old" not in lines_of(written.file)


def test_lines_of_others_in_this_process_stay(written: PerfMap) -> None:
    written.file.write_text("1000 10 py::main\n")
    written.add(compile_object(CODE, host()), {"kernel": 1 << 20})
    assert {"py::main", "kernel"} <= lines_of(written.file).keys()


def test_a_link_is_not_followed(written: PerfMap, caplog: pytest.LogCaptureFixture) -> None:
    target = written.folder / "precious"
    target.write_text("data")
    written.file.symlink_to(target)
    with caplog.at_level(logging.WARNING):
        written.add(compile_object(CODE, host()), {"kernel": 1 << 20})
    assert target.read_text() == "data" and "cannot be written" in caplog.text
    assert not written.enabled


def test_the_option_names_kernels() -> None:
    """Also in a child that compiles nothing."""
    program = (
        "import os, torch\n"
        "from fxlower.runtime.perf_map import perf_map\n"
        "f = torch.compile(lambda x: x.exp().sum(), backend='fxlower')\n"
        "f(torch.ones(4, 4))\n"
        "if child := os.fork(): os.waitpid(child, 0)\n"
        "print(perf_map.file.read_text())\n"
        "perf_map.file.unlink()\n"
    )
    variables = {**os.environ, "FXLOWER_PERF_MAP": "1"}
    run = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True
    )
    in_child, in_parent = run.stdout.strip().split("\n\n")
    assert in_child == in_parent
    names = [line.split()[2] for line in in_parent.splitlines()]
    assert any(name.startswith("exp_sum_") for name in names)
    assert "segment_0" in names and "fxlower_parallel_for" in names
