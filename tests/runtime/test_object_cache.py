"""Compiled code on disk: what is found again, what is refused, and what is wrong with the disk."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import fxlower
from fxlower import fingerprint
from fxlower.report import GraphReport
from fxlower.runtime import object_cache
from fxlower.runtime.object_cache import MAGIC, Store, open_store, sealed
from fxlower.tools import cache as tool

KEY = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = open_store(tmp_path / "cache", 1 << 20)
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def other_stores() -> Iterator[None]:
    """What is opened here is gone afterwards, for the rest of this process too."""
    before = list(object_cache._OPEN)
    yield
    object_cache._OPEN[:] = before
    open_store.cache_clear()


# -------------------------------------------------------------------------------- files


def test_what_was_put_is_found(store: Store) -> None:
    assert store.get(KEY) is None
    store.put(KEY, {"signature": "() -> ()"}, b"code")
    assert store.get(KEY) == ({"signature": "() -> ()"}, b"code")
    store.put(KEY, {}, b"other")
    assert store.get(KEY) == ({}, b"other")


def test_files_are_for_this_user_only(store: Store) -> None:
    store.put(KEY, {}, b"code")
    for place in (store.folder.parent, store.folder, store.path(KEY).parent, store.path(KEY)):
        assert place.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("flip", [0x01, 0x80])
def test_a_damaged_file_is_missing(store: Store, flip: int) -> None:
    content = sealed({"signature": "() -> ()"}, os.urandom(1000))
    for position in [*range(0, len(content), 64), *range(48), len(content) - 1]:
        store.put(KEY, {}, b"")
        damaged = bytearray(content)
        damaged[position] ^= flip
        store.path(KEY).write_bytes(damaged)
        assert store.get(KEY) is None
        assert not store.path(KEY).exists()


def test_a_file_cut_short_is_missing(store: Store) -> None:
    content = sealed({"signature": "() -> ()"}, bytes(300))
    for size in (*range(60), 100, len(content) - 1):
        store.put(KEY, {}, b"")
        store.path(KEY).write_bytes(content[:size])
        assert store.get(KEY) is None
    store.path(KEY).write_bytes(content + b"\0")
    assert store.get(KEY) is None


def test_a_file_of_another_version_is_missing(store: Store) -> None:
    store.put(KEY, {}, b"code")
    content = store.path(KEY).read_bytes()
    version = MAGIC[-1] + 1
    store.path(KEY).write_bytes(MAGIC[:-1] + bytes([version]) + content[len(MAGIC) :])
    assert store.get(KEY) is None


def test_a_folder_that_is_wiped_is_made_again(store: Store) -> None:
    store.put(KEY, {}, b"code")
    shutil.rmtree(store.folder.parent)
    assert store.get(KEY) is None
    store.put(KEY, {}, b"code")
    store.settle()
    assert store.get(KEY) == ({}, b"code")


@pytest.mark.parametrize("function", ["tempfile.mkstemp", "os.replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_cannot_be_written_is_said_once(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    function: str,
    number: int,
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(function, fail)
    for _ in range(3):
        store.put(KEY, {}, b"code")
    store.settle()
    assert store.get(KEY) is None
    assert [r for r in caplog.records if "cannot be written" in r.message] == caplog.records
    assert len(caplog.records) == 1
    assert list(store.files()) == []


def test_a_folder_that_others_can_write_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o770)
    assert open_store(tmp_path, 1 << 20) is None
    assert "others may write to it" in caplog.text and "chmod 700" in caplog.text
    open_store(tmp_path, 1 << 20)
    assert len(caplog.records) == 1


def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    assert open_store(tmp_path, 1 << 20) is None
    assert f"belongs to user {me}, not to you ({me + 1})" in caplog.text


def test_a_folder_that_anybody_may_replace_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o777)
    assert open_store(tmp_path / "cache", 1 << 20) is None
    assert "anybody may write to the folder that it is in" in caplog.text
    tmp_path.chmod(0o1777)
    assert open_store(tmp_path / "other", 1 << 20) is not None


def test_a_place_that_is_no_folder_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = open_store(tmp_path / "file", 1 << 20)
    assert store is not None
    store.put(KEY, {}, b"code")
    assert store.get(KEY) is None


# ----------------------------------------------------------------------------- the bound


def filled(store: Store, count: int, size: int) -> list[str]:
    """Keys of files, the first of which was used least recently."""
    keys = [f"{i:02x}" * 32 for i in range(count)]
    now = time.time()
    for i, key in enumerate(keys):
        store.put(key, {}, bytes(size))
        os.utime(store.path(key), (now, now - 10_000 * (count - i)))
    return keys


def test_the_least_recently_used_files_are_removed(store: Store) -> None:
    store.max_bytes = 10_500
    keys = filled(store, 12, 1000)
    assert store.get(keys[0]) is not None  # now used most recently
    store.settle()
    left = [key for key in keys if store.path(key).exists()]
    assert keys[0] in left and keys[1] not in left and keys[-1] in left
    assert sum(size for _, size, _ in store.files()) <= store.max_bytes
    assert len(left) >= 6


def test_files_are_seldom_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    scans = 0
    files = Store.files

    def counted(self: Store) -> Iterator[tuple[Path, int, float]]:
        nonlocal scans
        scans += 1
        return files(self)

    monkeypatch.setattr(Store, "files", counted)
    for i in range(20):
        store.put(f"{i:02x}" * 32, {}, bytes(100))
        store.settle()
    assert scans == 1


def test_the_bound_holds_over_many_graphs(store: Store) -> None:
    store.max_bytes = 20_000
    for i in range(200):
        store.put(f"{i:02x}" * 32, {}, bytes(500))
        store.settle()
        assert sum(size for _, size, _ in store.files()) <= store.max_bytes + 1000


# ------------------------------------------------------------------------- compiled code


def program(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return ((x @ y).softmax(-1) + x.cumsum(0)).sum(0), x.exp() * 3


def report(folder: Path, **options: object) -> GraphReport:
    """Compile with the cache in `folder` and no kernel in memory, and compare with eager mode."""
    torch._dynamo.reset()
    gc.collect()
    x, y = torch.linspace(-1, 1, 24 * 24).reshape(24, 24), torch.eye(24)
    given = {"cache": True, "cache_dir": folder, **options}
    found = fxlower.explain(program, x, y, options=given)
    torch.testing.assert_close(found.result, program(x, y))
    (graph,) = found.graphs
    return graph


def places(graph: GraphReport) -> set[str]:
    return {kernel.cached for kernel in graph.kernels}


def test_a_kernel_on_disk_is_not_compiled(tmp_path: Path) -> None:
    assert places(report(tmp_path)) == {""}
    again = report(tmp_path)
    assert places(again) == {"on disk"}
    assert not {"convert-to-llvm", "emit LLVM IR"} & again.seconds.keys()
    assert "found on disk" in str(again) and "0 of 5 kernels compiled" in again.timing_table()


def test_segments_are_compiled_against_kernels_on_disk(tmp_path: Path) -> None:
    report(tmp_path)
    store = Store(tmp_path / "objects", 1 << 20)
    for path, _, _ in list(store.files()):
        found = store.get(path.stem)
        assert found is not None
        if "arenas" in found[0]:
            path.unlink()
    again = report(tmp_path)
    assert places(again) == {"on disk"} and "convert-to-llvm" in again.seconds


def test_damaged_code_is_compiled_again(tmp_path: Path) -> None:
    report(tmp_path)
    for path, _, _ in Store(tmp_path / "objects", 1 << 20).files():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    assert places(report(tmp_path)) == {""}
    assert places(report(tmp_path)) == {"on disk"}


def test_other_options_machines_and_versions_have_code_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(tmp_path)
    assert places(report(tmp_path, packed_weights="never")) == {""}
    assert places(report(tmp_path, timing=True)) == {"on disk"}
    facts = fingerprint.machine_facts("host")
    monkeypatch.setattr(fingerprint, "machine_facts", lambda name: facts + "another CPU")
    assert places(report(tmp_path)) == {""}


def test_a_dump_shows_how_everything_is_compiled(tmp_path: Path) -> None:
    report(tmp_path / "cache")
    assert places(report(tmp_path / "cache", dump_ir=str(tmp_path / "ir"))) == {""}
    assert len(list((tmp_path / "ir").rglob("*.ll"))) == 1


def test_without_a_place_to_write_everything_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_cache, "_write", lambda *a: (_ for _ in ()).throw(OSError("full")))
    assert places(report(tmp_path)) == places(report(tmp_path)) == {""}


def test_a_folder_wiped_between_look_up_and_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = Store.get

    def wiped(self: Store, key: str) -> object:
        shutil.rmtree(tmp_path, ignore_errors=True)
        return get(self, key)

    monkeypatch.setattr(Store, "get", wiped)
    assert places(report(tmp_path)) == {""}
    monkeypatch.undo()
    assert places(report(tmp_path)) == {"on disk"}


def test_no_cache_is_made_where_it_is_switched_off(tmp_path: Path) -> None:
    report(tmp_path / "cache", cache=False)
    assert not (tmp_path / "cache").exists()


# ----------------------------------------------------------------------------- the tool


def test_the_tool_shows_verifies_and_clears(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "torch"))
    store = open_store(tmp_path, 2 << 30)
    assert store is not None
    keys = filled(store, 3, 2048)
    store.path(keys[1]).write_bytes(b"fxlower")
    folder = ["--cache-dir", str(tmp_path)]
    tool.main(folder)
    assert "│ kernels │       3 │" in capsys.readouterr().out
    tool.main([*folder, "--verify"])
    shown = capsys.readouterr().out
    assert str(store.path(keys[1])) in shown and "1 damaged" in shown
    tool.main([*folder, "--clear"])
    assert "2 removed" in capsys.readouterr().out
    assert list(store.files()) == []
