"""In which form graphs are traced: choices that decompositions cannot make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fxlower.frontend.attention import math_attention
from fxlower.frontend.enlargement import repeating_enlargement
from fxlower.frontend.recurrent import stepwise_lstm


@contextmanager
def compiled_forms() -> Iterator[None]:
    """Graphs traced in this context have attention, LSTMs and enlargement as operators that have
    lowerings."""
    with math_attention(), stepwise_lstm(), repeating_enlargement():
        yield
