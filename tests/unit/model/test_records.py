"""Records: one declaration, a dtype, defaults and a clear refusal of what cannot be held."""

from __future__ import annotations

from enum import IntEnum
from math import inf, nan
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pytest

from ballast.model.records import Shape, SymbolBools, SymbolFloats, SymbolInts, parameter, record


class Colour(IntEnum):
    """An enumeration for a field."""

    RED = 0
    BLUE = 1


@record
class Sample:
    """One field of each kind."""

    price: float = nan
    count: int = 7
    is_open: bool = True
    colour: Colour = Colour.BLUE
    fraction: float = parameter(0.25, "A part.", unit="fraction")
    plain: float
    by_symbol: SymbolFloats = inf  # type: ignore[assignment]  # The default fills the array.
    marks: SymbolInts
    is_live: SymbolBools
    three: Annotated[npt.NDArray[np.float64], Shape(3)]


def make(cls: Any, *arguments: Any, **dimensions: int) -> Any:
    return cls.array(*arguments, **dimensions) if arguments else cls.new(**dimensions)


def test_a_new_record_has_the_stated_defaults_and_zeros() -> None:
    made = make(Sample, symbols=4)
    assert np.isnan(made.price)
    assert (made.count, bool(made.is_open), made.colour, made.fraction, made.plain) == (7, True, 1, 0.25, 0.0)
    assert made.by_symbol.tolist() == [inf] * 4
    assert made.marks.tolist() == [0] * 4
    assert made.is_live.tolist() == [0] * 4
    assert made.three.tolist() == [0.0] * 3


def test_every_row_of_an_array_has_the_defaults() -> None:
    made = make(Sample, 3, symbols=2)
    assert made.shape == (3,)
    assert made["count"].tolist() == [7, 7, 7]


def test_the_dtype_follows_the_declaration() -> None:
    dtype = Sample.dtype(symbols=2)  # type: ignore[attr-defined]
    assert dtype.names[:4] == ("price", "count", "is_open", "colour")
    assert dtype["by_symbol"].shape == (2,)
    assert dtype["colour"] == np.int64
    assert dtype.isalignedstruct


def test_one_set_of_dimensions_has_one_dtype() -> None:
    assert Sample.dtype(symbols=2) is Sample.dtype(symbols=2)  # type: ignore[attr-defined]
    assert Sample.dtype(symbols=2) != Sample.dtype(symbols=4)  # type: ignore[attr-defined]


def test_parameters_are_listed_with_what_they_mean() -> None:
    (only,) = Sample.parameters.values()  # type: ignore[attr-defined]
    assert (only.default, only.doc, only.unit) == (0.25, "A part.", "fraction")


def test_two_records_share_no_memory() -> None:
    one, other = make(Sample, symbols=2), make(Sample, symbols=2)
    one.by_symbol[0] = 5.0
    one.count = 1
    assert (other.by_symbol[0], other.count) == (inf, 7)


def test_a_field_that_a_record_cannot_hold_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"Wrong\.text"):

        @record
        class Wrong:
            """A field of text."""

            text: str


def test_a_name_that_numpy_has_taken_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Wrong\.view"):

        @record
        class Wrong:
            """NumPy's own attribute."""

            view: float
