"""What every test gets. Loaded before torch is."""

import os

# OpenMP threads that spin after a parallel loop would take the cores from other test processes.
# libgomp reads this when torch loads it.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# What is compiled is compiled, whatever this user's cache holds; tests of caches switch them on, in
# folders of their own.
os.environ.setdefault("FXLOWER_CACHE", "0")

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("long", settings.get_profile("default"))  # --hypothesis-profile=long

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT
