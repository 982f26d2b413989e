"""Every error a user can meet. Each says what was met, where, and what to do."""


class FxlowerError(Exception):
    """Base of all errors raised on purpose."""


class OptionError(FxlowerError, ValueError):
    """An option that does not exist or has the wrong type."""


class TargetError(FxlowerError, ValueError):
    """A machine, stage or fact of one that does not exist."""


class UnsupportedGraph(FxlowerError):
    """Operators without a lowering under `fallback="error"`; maps names to source lines."""

    def __init__(self, operators: dict[str, list[str]]):
        self.operators = operators
        lines = [
            f"  {name}  x{len(sites)}  first at {sites[0]}"
            for name, sites in sorted(operators.items())
        ]
        super().__init__(
            f"no lowering for {len(operators)} operator(s):\n"
            + "\n".join(lines)
            + "\nGive them one with fxlower.register_lowering (docs/adding-an-operator.md),"
            ' or let them run in eager mode with options={"fallback": "aten"}.'
        )


class UnsupportedInput(FxlowerError):
    """A tensor that compiled code cannot read: sparse, quantized, on another device..."""
