"""docs/opinfo.md and the README's summary of it are of the database that is installed."""

from pathlib import Path

from fxlower.tools.opinfo.pages import PAGE, README, rows_in, summary, with_summary
from fxlower.tools.opinfo.trial import entries


def test_every_entry_is_in_the_page(root: Path) -> None:
    page = (root / PAGE).read_text()
    rows = rows_in(page)
    assert [name for name, _, _ in rows] == sorted(entries()), "run: make opinfo"
    assert summary(rows) in page


def test_the_readme_has_the_summary(root: Path) -> None:
    readme = (root / README).read_text()
    rows = rows_in((root / PAGE).read_text())
    assert readme == with_summary(readme, rows), "run: make opinfo"
