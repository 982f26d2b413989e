"""The pool of large results."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.utils.dlpack

from fxlower.runtime.lent_storage import can_lend
from fxlower.runtime.memory import LEAST_BYTES, MemoryPool, bytes_of, shared_pool

SIZES, STRIDES = (512, 1024), (1024, 1)
SIZE = bytes_of(SIZES, STRIDES, torch.float32)


def pool_of(results: int) -> MemoryPool:
    """One with room for so many results, not for more."""
    return MemoryPool(results * (SIZE + 1024))


def taken(pool: MemoryPool, rows: int = SIZES[0]) -> torch.Tensor | None:
    return pool.empty_strided(rows * 4096, (rows, 1024), STRIDES, torch.float32)


def take(pool: MemoryPool) -> torch.Tensor:
    made = taken(pool)
    assert made is not None
    return made


def test_this_torch_can_be_lent_memory() -> None:
    assert can_lend() and shared_pool() is not None


def test_memory_comes_back_when_nobody_holds_it() -> None:
    pool = pool_of(4)
    first, second = take(pool), take(pool)
    addresses = {first.data_ptr(), second.data_ptr()}
    assert len(addresses) == 2 and 2 * SIZE <= pool.region.used < 3 * SIZE
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
    "graph": lambda x: (x.requires_grad_() * 2).grad_fn,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_everything_that_holds_the_memory_counts(holder: str) -> None:
    pool = pool_of(4)
    result = take(pool)
    address = result.data_ptr()
    held = HOLDERS[holder](result)
    del result
    assert take(pool).data_ptr() != address
    del held
    gc.collect()
    assert address in {take(pool).data_ptr() for _ in range(2)}


def test_a_storage_that_was_changed_has_memory_of_its_own() -> None:
    pool = pool_of(4)
    resized, shared = take(pool).fill_(1), take(pool).fill_(2)
    addresses = {resized.data_ptr(), shared.data_ptr()}
    assert resized.untyped_storage().resizable()
    resized.resize_(2 * SIZE)
    shared.share_memory_()
    assert not {resized.data_ptr(), shared.data_ptr()} & addresses
    again = [take(pool).fill_(3) for _ in range(3)]
    assert addresses <= {t.data_ptr() for t in again}
    assert (resized[: SIZE // 4] == 1).all() and (shared == 2).all()


def test_a_storage_of_no_bytes() -> None:
    """As those who shard parameters free their memory."""
    pool = pool_of(1)
    result = take(pool)
    result.untyped_storage().resize_(0)
    assert take(pool).fill_(1).sum() == SIZE // 4
    result.untyped_storage().resize_(SIZE)
    assert result.fill_(2).sum() == SIZE // 2


def test_limit() -> None:
    pool = pool_of(2)
    first, second = take(pool), take(pool)
    assert taken(pool) is None
    del first
    half = taken(pool, 256)
    assert half is not None and taken(pool) is None
    assert (second.shape, half.shape) == (SIZES, (256, 1024))


def test_other_sizes_take_the_same_memory() -> None:
    """As in training: results of one size are used up while those of another are made."""
    pool = pool_of(64)
    for _ in range(3):
        made: list[torch.Tensor | None] = []
        saved = [take(pool) for _ in range(8)]
        while saved:
            saved.pop()
            made.append(taken(pool, 256))
        assert None not in made and pool.held <= 9 * SIZE
        assert 8 * SIZE <= pool.most_used <= pool.held


def test_memory_is_released_with_the_last_user() -> None:
    class User:
        pass

    pool = pool_of(4)
    user = User()
    pool.hold(user)
    result = take(pool)
    kept = take(pool)
    del result, user
    assert pool.held > SIZE and pool.region.used < 2 * SIZE  # what is held lies behind what is free
    del kept
    pool.collected("stop", {"generation": 2})
    assert pool.held == 0


def test_threads() -> None:
    pool = pool_of(64)

    def work(number: int) -> bool:
        result = take(pool).fill_(number)
        return bool((result == number).all())

    with ThreadPoolExecutor(4) as executor:
        assert all(executor.map(work, range(200)))
    assert pool.held <= 10 * SIZE


def test_compiled_functions_reuse_memory_and_leave_results_alone() -> None:
    compiled = torch.compile(lambda x: x + 1, backend="fxlower", dynamic=False)
    x = torch.randn(LEAST_BYTES // 4)
    pool = shared_pool()
    assert pool is not None
    before = pool.held
    address = compiled(x).data_ptr()
    assert pool.held <= before + LEAST_BYTES + 1024
    result = compiled(x)
    assert result.data_ptr() == address
    kept = result.clone()
    compiled(x.zero_())
    assert torch.equal(result, kept)


def test_intermediates_take_the_same_memory() -> None:
    """Of a product, which are no results: the arena."""
    compiled = torch.compile(lambda x: (x @ x).softmax(1).sum(), backend="fxlower", dynamic=False)
    x = torch.randn(600, 600)
    pool = shared_pool()
    assert pool is not None
    gc.collect()
    pool.release()
    before = pool.held
    for _ in range(3):
        torch.testing.assert_close(compiled(x), (x @ x).softmax(1).sum())
        assert x.nbytes <= pool.held - before <= x.nbytes + (1 << 16)


def test_option() -> None:
    compiled = torch.compile(
        lambda x: x + 2, backend="fxlower", dynamic=False, options={"output_pool": False}
    )
    pool = shared_pool()
    assert pool is not None
    before = pool.held
    compiled(torch.randn(LEAST_BYTES // 4))
    assert pool.held == before
