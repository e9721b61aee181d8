"""
Records: declared once as an annotated class, used as a NumPy dtype and as a type.

``@record`` turns the annotations of a class into an aligned structured dtype. Compiled functions take
``np.record`` scalars of that dtype; type checkers see the class itself. A field is ``float`` (float64),
``int`` (int64), ``bool`` or an array written with ``Annotated`` and a ``Shape``::

    @record
    class Position:
        entry_price: float = nan
        qty: SymbolFloats

Array lengths may be the words in ``DIMENSIONS``; ``dtype(symbols=4)`` gives them their numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from math import inf
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

DIMENSIONS = (
    *("symbols", "legs", "features", "orders", "watches", "timers", "events", "accounts", "positions"),
    *("tiers", "guards", "stops", "conversions", "quotes", "makers"),
)
ABSENT_UNLESS_GIVEN = ("tiers", "guards", "stops", "conversions", "quotes", "makers")
"""Dimensions that are 0 where nobody gives them: what only some accounts or settings, or only ticks, need."""

Record = Any
"""A scalar of a structured dtype; its fields are its attributes."""


@dataclass(frozen=True)
class Shape:
    """The length of an array field: a number, or a word of ``DIMENSIONS``."""

    length: int | str


@dataclass(frozen=True)
class ArrayOf:
    """An array of records inside a record: their class, and a length as in :class:`Shape`."""

    item: type
    length: int | str


SymbolFloats = Annotated[npt.NDArray[np.float64], Shape("symbols")]
SymbolInts = Annotated[npt.NDArray[np.int64], Shape("symbols")]
SymbolBools = Annotated[npt.NDArray[np.bool_], Shape("symbols")]
LegFloats = Annotated[npt.NDArray[np.float64], Shape("legs")]
FeatureFloats = Annotated[npt.NDArray[np.float64], Shape("features")]


@dataclass(frozen=True)
class Parameter:
    """
    One number that a user may set: its default, its range and where it comes from.

    ``minimum`` and ``maximum`` are inclusive unless the matching ``exclusive_`` flag is set. ``choices``
    maps the words allowed in a file to the integers that compiled code sees.
    """

    default: float | int | bool
    doc: str
    unit: str = ""
    minimum: float = -inf
    maximum: float = inf
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    source: str = ""
    choices: type[IntEnum] | None = None


def parameter(default: float | int | bool, doc: str, **details: Any) -> Any:
    """Declare a field of a strategy's ``Params``; see :class:`Parameter` for ``details``."""
    return Parameter(default, doc, **details)


C = TypeVar("C", bound=type)


def record(cls: C) -> C:
    """
    Give ``cls`` the static methods ``dtype(**dimensions)``, ``new(**dimensions)`` and ``array(n, **dimensions)``.

    ``new`` and ``array`` fill in the defaults that the class states (zero where it states none), also
    those of nested records. Fields that ``cls`` inherits come after its own. Raises ``TypeError`` at declaration for a
    field that a record cannot hold.
    """
    fields = {name: _field(cls, name, hint) for name, hint in _hints(cls).items()}
    stated = {name: value for kind in reversed(cls.__mro__) for name, value in vars(kind).items()}
    defaults = {name: _default(stated[name]) for name in fields if name in stated}
    parameters = {name: stated[name] for name in fields if isinstance(stated.get(name), Parameter)}
    cache: dict[tuple[tuple[str, int], ...], np.dtype[Any]] = {}

    def dtype(**dimensions: int) -> np.dtype[Any]:
        key = tuple(sorted(dimensions.items()))
        if key not in cache:
            cache[key] = np.dtype([_sized(name, spec, dimensions) for name, spec in fields.items()], align=True)
        return cache[key]

    def fill_defaults(made: Any) -> None:
        for name, (kind, _) in fields.items():
            if isinstance(kind, type):
                kind.fill_defaults(made[name])  # type: ignore[attr-defined]  # A nested record.
        for name, value in defaults.items():
            made[name] = value

    def array(length: int, **dimensions: int) -> Any:
        made = np.zeros(length, dtype(**dimensions)).view(np.recarray)
        fill_defaults(made)
        return made

    templates: dict[tuple[tuple[str, int], ...], tuple[bytes, np.dtype[Any]]] = {}

    def new(**dimensions: int) -> Any:
        if not fields:
            return array(1, **dimensions)[0]
        # Filling in defaults field by field takes a thousand times as long as copying the result.
        key = tuple(sorted(dimensions.items()))
        if key not in templates:
            made = array(1, **dimensions)
            templates[key] = made.tobytes(), made.dtype
        # As bytes: a copy of records leaves the padding between fields to chance.
        template, kind = templates[key]
        return np.frombuffer(bytearray(template), kind)[0]

    for name, function in (("dtype", dtype), ("array", array), ("new", new), ("fill_defaults", fill_defaults)):
        setattr(cls, name, staticmethod(function))
    cls.parameters = parameters  # type: ignore[attr-defined]
    return cls


def _hints(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {name: hints[name] for name in (*vars(cls).get("__annotations__", {}), *hints)}


def _default(value: Any) -> Any:
    return value.default if isinstance(value, Parameter) else value


_SCALARS: Mapping[Any, str] = {float: "f8", int: "i8", bool: "?"}


_Field = tuple[str | type, int | str | None]
"""A scalar's format or a record's class, and a length for arrays."""


def _field(cls: type, name: str, hint: Any) -> _Field:
    if hasattr(np.record, name):
        raise TypeError(f"{cls.__name__}.{name}: NumPy records have an attribute of that name; choose another")
    if isinstance(hint, type) and (issubclass(hint, IntEnum) or hasattr(hint, "fill_defaults")):
        return (hint, None) if hasattr(hint, "fill_defaults") else ("i8", None)
    if hint in _SCALARS:
        return _SCALARS[hint], None
    if get_origin(hint) is Annotated:
        array_type, shape = get_args(hint)[:2]
        if isinstance(shape, ArrayOf):
            return shape.item, shape.length
        scalar = get_args(get_args(array_type)[1])[0]
        # Numba has no arrays of booleans inside records; bytes of 0 and 1 read the same.
        return "u1" if scalar is np.bool_ else np.dtype(scalar).str, shape.length
    raise TypeError(f"{cls.__name__}.{name}: a record holds numbers, records and Annotated arrays, not {hint!r}")


def _sized(name: str, spec: _Field, dimensions: Mapping[str, int]) -> tuple[Any, ...]:
    kind, length = spec
    item = kind.dtype(**dimensions) if isinstance(kind, type) else kind  # type: ignore[attr-defined]  # A record.
    if length is None:
        return (name, item)
    if isinstance(length, str):
        length = dimensions.get(length, 0) if length in ABSENT_UNLESS_GIVEN else dimensions[length]
    return (name, item, (length,))


def typed(dtype: np.dtype[Any]) -> Any:
    """Return Numba's type of a record of this dtype."""
    import numba

    return numba.from_dtype(dtype)
