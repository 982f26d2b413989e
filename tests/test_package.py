"""What an installation promises to others: torch, xDSL, and the shell."""

from importlib.metadata import entry_points
from importlib.resources import files

import pytest
import torch

import fxlower
from fxlower.universe import FXLOWER_UNIVERSE


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("torch_dynamo_backends", "fxlower", "fxlower.backend:fxlower"),
        ("xdsl.universe", "fxlower", "fxlower.universe:FXLOWER_UNIVERSE"),
        ("console_scripts", "fxlower-opt", "fxlower.tools.fxlower_opt:main"),
    ],
)
def test_entry_points(group: str, name: str, value: str) -> None:
    (found,) = entry_points(group=group, name=name)
    assert found.value == value
    found.load()


def test_torch_finds_the_backend_by_name() -> None:
    assert "fxlower" in torch._dynamo.list_backends(exclude_tags=())


def test_xdsl_finds_the_universe() -> None:
    from xdsl.universe import Universe

    assert FXLOWER_UNIVERSE.all_passes.keys() <= Universe.get_multiverse().all_passes.keys()


def test_the_text_of_the_demo_ships() -> None:
    assert len(files("fxlower.demo").joinpath("sonnets.txt").read_text("ascii")) > 20_000


def test_public_names_are_there() -> None:
    for name in fxlower.__all__:
        assert getattr(fxlower, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'explane'"):
        fxlower.explane  # noqa: B018
