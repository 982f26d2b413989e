"""The shuffles that transpose blocks held in vectors, run on names of elements."""

import pytest

from fxlower.passes.vector_transpose import transpose, transpose_short


def shuffle(a: tuple, b: tuple, mask: tuple[int, ...]) -> tuple:
    return tuple((a + b)[i] for i in mask)


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("lanes", [2, 4, 8, 16, 32])
@pytest.mark.parametrize("columns", [1, 2, 4, 8, 16])
def test_short_rows(bits: int, lanes: int, columns: int) -> None:
    if columns > lanes:
        pytest.skip("rows are no longer than there are rows")
    rows = [tuple((row, column) for column in range(columns)) for row in range(lanes)]
    made = transpose_short(rows, columns, bits, shuffle)
    assert made == [tuple((row, column) for row in range(lanes)) for column in range(columns)]


@pytest.mark.parametrize("bits", [16, 32, 64])
@pytest.mark.parametrize("present", [1, 3, 8])
def test_missing_rows(bits: int, present: int) -> None:
    rows = [tuple((row, column) for column in range(8)) for row in range(present)]
    made = transpose(rows, 8, bits, shuffle)
    for column, vector in enumerate(made):
        assert vector[:present] == tuple((row, column) for row in range(present))
