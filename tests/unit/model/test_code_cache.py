"""Names of machine code follow content, so that code of several processes can be loaded into one."""

from __future__ import annotations

import subprocess
import sys

import numba
import numpy as np

import ballast.model.code_cache
from tests.architecture.sources import ROOT

NAME = """
import numba
import numpy as np
import ballast.model.code_cache
for number in range({before}):
    numba.from_dtype(np.dtype([(f"field_{{number}}", "f8")]))
print(numba.from_dtype(np.dtype([("price", "f8"), ("qty", "f8", (4,))])).mangling_args)
"""


def name_after(n_others: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", NAME.format(before=n_others)],
        cwd=ROOT / "src",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_record_type_has_the_same_name_whatever_was_made_before_it() -> None:
    assert name_after(0) == name_after(5)


def test_records_that_differ_in_anything_have_different_names() -> None:
    assert ballast.model.code_cache.VERSIONS
    layouts = [
        np.dtype([("price", "f8"), ("qty", "f8", (4,))]),
        np.dtype([("price", "f8"), ("qty", "f8", (8,))]),
        np.dtype([("price", "f8"), ("size", "f8", (4,))]),
        np.dtype([("price", "f4"), ("qty", "f8", (4,))], align=True),
    ]
    names = {numba.from_dtype(layout).mangling_args for layout in layouts}
    assert len(names) == len(layouts)
