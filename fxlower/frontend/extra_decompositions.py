"""Decompositions that PyTorch lacks or has in a form that fxlower compiles less well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

EXTRA: dict[Any, Callable[..., Any]] = {}
"""Decompositions by operator overload; they replace PyTorch's."""
