"""Helpers for fxlower's own tests."""

from __future__ import annotations

import functools
import inspect
import io
from collections.abc import Callable

from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import Options
from filecheck.parser import Parser, pattern_for_opts
from xdsl.dialects.builtin import ModuleOp


def filechecked(test: Callable[..., ModuleOp]) -> Callable[..., None]:
    """Match the module a test returns against the `# CHECK` lines of its own source."""

    @functools.wraps(test)
    def checked(*args: object, **kwargs: object) -> None:
        options = Options(match_filename=test.__code__.co_filename)
        checks = Parser(options, io.StringIO(inspect.getsource(test)), *pattern_for_opts(options))
        ir = str(test(*args, **kwargs))
        assert Matcher(options, FInput(test.__name__, ir), checks).run() == 0, ir

    return checked
