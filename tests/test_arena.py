"""Buffers that live at the same time never overlap."""

from hypothesis import given
from hypothesis import strategies as st

from fxlower.analysis.arena import ALIGNMENT, Lifetime, place
from fxlower.analysis.symbols import evaluate

buffers = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 1000), st.sampled_from(["4*s0", "8*s0", "4*s0*s1"])),
        st.integers(0, 20),
        st.integers(0, 10),
    ),
    max_size=30,
).map(lambda rows: [Lifetime(s, a, a + n) for s, a, n in sorted(rows, key=lambda r: r[1])])


@given(buffers, st.integers(0, 50), st.integers(0, 50))
def test_live_buffers_are_disjoint(planned, s0, s1):
    symbols = {"s0": s0, "s1": s1}
    offsets, total = place(planned)
    ranges = [
        (b, evaluate(o, symbols), evaluate(o, symbols) + evaluate(b.size, symbols))
        for b, o in zip(planned, offsets, strict=True)
    ]
    for i, (a, start, stop) in enumerate(ranges):
        assert start % ALIGNMENT == 0
        assert stop <= evaluate(total, symbols)
        for b, other_start, other_stop in ranges[:i]:
            together = a.first <= b.last and b.first <= a.last
            assert not together or stop <= other_start or other_stop <= start or stop == start


def test_a_freed_buffer_is_reused():
    offsets, total = place([Lifetime(64, 0, 1), Lifetime(64, 1, 2), Lifetime(64, 2, 3)])
    assert offsets == [0, 64, 0]
    assert total == 128
