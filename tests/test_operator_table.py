"""docs/operators.md is what the registry says."""

from pathlib import Path

from fxlower.tools.operator_table import table


def test_the_table_is_current(root: Path) -> None:
    written = (root / "docs/operators.md").read_text()
    assert written == table(), "run: python -m fxlower.tools.operator_table"
