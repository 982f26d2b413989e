"""What compiled code is kept on disk.

    python -m fxlower.tools.cache             # how much there is, and where
    python -m fxlower.tools.cache --verify    # read all of it, and remove what is damaged
    python -m fxlower.tools.cache --clear     # remove it

Kernels are in the folder of the option `cache_dir`, whole graphs in torch's own cache
(`TORCHINDUCTOR_CACHE_DIR`). Schedules that were measured are not touched: see
`python -m fxlower.tools.tune`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fxlower import graph_cache
from fxlower.options import Options, cache_folder
from fxlower.runtime.object_cache import Store, open_store

File = tuple[Path, int, float]
"""A file, its size, and when it was used last."""


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser().parse_args(arguments)
    given = {} if args.cache_dir is None else {"cache_dir": args.cache_dir}
    options = Options.read(given)
    store = open_store(cache_folder(options.cache_dir), options.cache_bytes)
    console = Console(width=max(120, Console().width))
    if args.verify:
        damaged = [] if store is None else store.verify()
        damaged += [f for f in graph_cache.files() if graph_cache.remove_if_damaged(f)]
        for file in damaged:
            console.print(f"damaged, removed: {file}", soft_wrap=True)
        console.print(f"{len(damaged)} damaged")
    elif args.clear:
        removed = graph_cache.clear() + (0 if store is None else store.clear())
        console.print(f"{removed} removed")
    else:
        console.print(table(store))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m fxlower.tools.cache",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = made.add_mutually_exclusive_group()
    what.add_argument("--verify", action="store_true", help="remove what is damaged")
    what.add_argument("--clear", action="store_true", help="remove everything")
    made.add_argument("--cache-dir", type=Path, help="another folder than the option's")
    return made


def table(store: Store | None) -> Table:
    """What there is of each kind."""
    made = Table()
    for heading in ("what", "entries", "KiB", "least recent use", "place"):
        made.add_column(heading, justify="right" if heading in ("entries", "KiB") else "left")
    if store is not None:
        made.add_row("kernels", *_figures(store.files()), str(store.folder))
    graphs = [(f, s.st_size, s.st_mtime) for f in graph_cache.files() for s in (f.stat(),)]
    made.add_row("graphs", *_figures(graphs), str(graph_cache.folder()))
    return made


def _figures(files: Iterable[File]) -> tuple[str, str, str]:
    listed = list(files)
    size = sum(size for _, size, _ in listed)
    oldest = min((used for *_, used in listed), default=None)
    when = "" if oldest is None else f"{datetime.fromtimestamp(oldest):%Y-%m-%d %H:%M}"
    return str(len(listed)), f"{size / 1024:.1f}", when


if __name__ == "__main__":
    main()
