"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A first call compiles, so time says nothing about a property.
settings.register_profile("ballast", deadline=None, print_blob=True)
settings.load_profile("ballast")


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """Return the directory of recorded markets; skip where the machine has none."""
    directory = os.environ.get("BALLAST_RECORDED_DATA")
    if not directory:
        pytest.skip("BALLAST_RECORDED_DATA is unset: no recorded markets on this machine")
    return Path(directory)
