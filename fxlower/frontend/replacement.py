"""Functions of PyTorch that are traced in another form, which compiles to better code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode

Form = Callable[..., Any]
"""Takes a function of PyTorch and its arguments, and gives the result; `NotImplemented` where the
function is to be traced as it is."""


class Replacing(TorchFunctionMode):
    """Functions that are called in this mode go through `form` first."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        made = self.form(func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {})) if made is NotImplemented else made
