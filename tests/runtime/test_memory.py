"""The pool of large results."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.utils.dlpack

from fxlower.runtime.memory import LEAST_BYTES, StoragePool, bytes_of, shared_pool

SIZES, STRIDES = (512, 1024), (1024, 1)
SIZE = bytes_of(SIZES, STRIDES, torch.float32)


def take(pool: StoragePool) -> torch.Tensor:
    made = pool.empty_strided(SIZE, SIZES, STRIDES, torch.float32)
    assert made is not None
    return made


def test_memory_comes_back_when_nobody_holds_it() -> None:
    pool = StoragePool(4 * SIZE)
    first, second = take(pool), take(pool)
    addresses = {first.data_ptr(), second.data_ptr()}
    assert len(addresses) == 2 and pool.held == 2 * SIZE
    view = first[3:]
    del first
    third = take(pool)
    assert third.data_ptr() not in addresses
    del view, second
    assert {take(pool).data_ptr(), (kept := take(pool)).data_ptr()} <= addresses
    assert kept.shape == SIZES and kept.untyped_storage().nbytes() == SIZE


HOLDERS: dict[str, Callable[[torch.Tensor], object]] = {
    "storage": torch.Tensor.untyped_storage,
    "numpy": torch.Tensor.numpy,
    "detached": torch.Tensor.detach,
    "dlpack": torch.utils.dlpack.to_dlpack,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_everything_that_holds_the_memory_counts(holder: str) -> None:
    pool = StoragePool(4 * SIZE)
    result = take(pool)
    address = result.data_ptr()
    held = HOLDERS[holder](result)
    del result
    assert take(pool).data_ptr() != address
    del held
    gc.collect()
    assert address in {take(pool).data_ptr() for _ in range(2)}


def test_a_storage_that_was_changed_leaves_the_pool() -> None:
    pool = StoragePool(4 * SIZE)
    resized = take(pool)
    resized.resize_(2 * SIZE)
    shared = take(pool).share_memory_()
    moved = shared.data_ptr()
    del resized, shared
    again = [take(pool) for _ in range(3)]
    assert all(t.untyped_storage().nbytes() == SIZE and not t.is_shared() for t in again)
    assert moved not in {t.data_ptr() for t in again}
    assert pool.held == 3 * SIZE


def test_a_lazy_clone_keeps_its_elements() -> None:
    pool = StoragePool(4 * SIZE)
    result = take(pool).fill_(3)
    clone = torch._lazy_clone(result)
    del result
    take(pool).fill_(4)
    assert (clone == 3).all()


def test_limit() -> None:
    pool = StoragePool(2 * SIZE)
    first, second = take(pool), take(pool)
    assert pool.empty_strided(SIZE, SIZES, STRIDES, torch.float32) is None
    del first
    half = pool.empty_strided(SIZE // 2, (256, 1024), STRIDES, torch.float32)
    assert half is not None and pool.held == SIZE + SIZE // 2
    assert (second.shape, half.shape) == (SIZES, (256, 1024))


def test_the_pool_holds_no_more_than_was_in_use_at_once() -> None:
    """As in training: results of one size are used up while those of another are made."""
    pool = StoragePool(64 * SIZE)
    for _ in range(3):
        made: list[torch.Tensor | None] = []
        saved = [take(pool) for _ in range(8)]
        while saved:
            saved.pop()
            made.append(pool.empty_strided(SIZE // 2, (256, 1024), STRIDES, torch.float32))
        assert None not in made and pool.held <= 8 * SIZE


def test_threads() -> None:
    pool = StoragePool(64 * SIZE)

    def work(number: int) -> bool:
        result = take(pool).fill_(number)
        return bool((result == number).all())

    with ThreadPoolExecutor(4) as executor:
        assert all(executor.map(work, range(200)))
    assert pool.held <= 8 * SIZE


def test_compiled_functions_reuse_memory_and_leave_results_alone() -> None:
    compiled = torch.compile(lambda x: x + 1, backend="fxlower", dynamic=False)
    x = torch.randn(LEAST_BYTES // 4)
    pool = shared_pool()
    before = pool.held
    address = compiled(x).data_ptr()
    assert pool.held <= before + LEAST_BYTES
    result = compiled(x)
    assert result.data_ptr() == address
    kept = result.clone()
    compiled(x.zero_())
    assert torch.equal(result, kept)


def test_option() -> None:
    compiled = torch.compile(
        lambda x: x + 2, backend="fxlower", dynamic=False, options={"output_pool": False}
    )
    pool = shared_pool()
    before = pool.held
    compiled(torch.randn(LEAST_BYTES // 4))
    assert pool.held == before
