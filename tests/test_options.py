"""Options: one place, clear errors."""

import dataclasses

import pytest

from fxlower.errors import OptionError, TargetError
from fxlower.options import TYPES, Options


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in TYPES:
        monkeypatch.delenv(f"FXLOWER_{name.upper()}", raising=False)


def test_defaults_need_nothing(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    assert Options.read() == Options()


def test_an_unknown_option_lists_the_valid_ones_and_the_nearest():
    with pytest.raises(OptionError, match=r"(?s)'falback'.*did you mean 'fallback'.*dump_ir"):
        Options.read({"falback": "error"})


@pytest.mark.parametrize("given", [{"timing": "yes"}, {"fallback": 1}, {"dump_ir": 3}])
def test_an_option_of_the_wrong_type_says_what_it_must_be(given):
    (name,) = given
    with pytest.raises(OptionError, match=f"option '{name}' must be a .*got"):
        Options.read(given)


def test_an_option_out_of_range_lists_the_choices():
    with pytest.raises(OptionError, match="aten, error"):
        Options.read({"fallback": "never"})


def test_an_unknown_machine_lists_the_machines():
    with pytest.raises(TargetError, match=r"'tpu'.*host.*x86-64-v3"):
        Options.read({"machine": "tpu"})


def test_the_environment_is_read_and_options_win(monkeypatch, tmp_path):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("FXLOWER_TIMING", "1")
    monkeypatch.setenv("FXLOWER_FALLBACK", "error")
    assert Options.read({"fallback": "aten"}) == Options(timing=True, fallback="aten")
    assert Options.read({"dump_ir": tmp_path}).dump_ir == str(tmp_path)
    monkeypatch.setenv("FXLOWER_TIMING", "maybe")
    with pytest.raises(OptionError, match="FXLOWER_TIMING must be 0 or 1"):
        Options.read()


def test_every_option_has_a_type():
    assert set(TYPES) == {f.name for f in dataclasses.fields(Options)}
