"""
Many indicators as one table: plan the memory once, then compute row by row.

``plan`` gives arrays of specs and states and one ring; ``blocks.compute`` is the single compiled switch that
every mode calls. The caller owns the outputs, fills them with NaN before the first bar, and hands over the closed
frames in time order, one by one or many at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log10
from operator import index
from typing import Any

import numpy as np

from ballast.indicators.catalogue import CATALOGUE, Entry
from ballast.indicators.state import BarField, Indicator, IndicatorSpec, IndicatorState
from ballast.indicators.window import Floats
from ballast.model.compiled import compiled
from ballast.model.errors import ConfigError

# Compiled code compares plain integers.
RSI = int(Indicator.RSI)
EMA = int(Indicator.EMA)
SMA = int(Indicator.SMA)
ATR = int(Indicator.ATR)
BOLLINGER = int(Indicator.BOLLINGER)
ADX = int(Indicator.ADX)
CHOPPINESS = int(Indicator.CHOPPINESS)
ROLLING_HIGH = int(Indicator.ROLLING_HIGH)
ROLLING_LOW = int(Indicator.ROLLING_LOW)
ROLLING_STD = int(Indicator.ROLLING_STD)
RSI_SIMPLE = int(Indicator.RSI_SIMPLE)
ATR_SIMPLE = int(Indicator.ATR_SIMPLE)
OPEN = int(BarField.OPEN)
HIGH = int(BarField.HIGH)
LOW = int(BarField.LOW)
CLOSE = int(BarField.CLOSE)


@dataclass(frozen=True)
class Request:
    """
    One indicator that a strategy asks for.

    Attributes
    ----------
    kind : Indicator
    period : int
        Bars, at least the catalogue's ``minimum_period``.
    symbol : int
        Index of the symbol in the configured order.
    interval_ns : int
        Length of the bars it is fed; 0 means the base interval.
    multiplier : float
        Bollinger's number of standard deviations; ignored elsewhere.
    field : BarField or None
        The column to read; None takes the catalogue's. Refused where the formula fixes its columns.
    """

    kind: Indicator
    period: int
    symbol: int = 0
    interval_ns: int = 0
    multiplier: float = 2.0
    field: BarField | None = None


def plan(requests: Sequence[Request]) -> tuple[Any, Any, Floats, int]:
    """
    Lay out the memory of some indicators.

    Returns
    -------
    specs, states : ndarray of IndicatorSpec, of IndicatorState
        One record per request, in the same order. A spec's outputs start at its ``output_offset``,
        named by ``CATALOGUE[kind].outputs``.
    ring : ndarray of float64
        Window memory of them all.
    n_outputs : int
        Length of the output array, which the caller fills with NaN.

    Raises
    ------
    ConfigError
        For a period, multiplier or field that the indicator cannot use.
    """
    specs = IndicatorSpec.array(len(requests))  # type: ignore[attr-defined]  # Added by @record.
    states = IndicatorState.array(len(requests))  # type: ignore[attr-defined]  # Added by @record.
    ring_length = n_outputs = 0
    for spec, request in zip(specs, requests, strict=True):
        entry = CATALOGUE[request.kind]
        _check(request, entry)
        spec.kind = request.kind
        spec.symbol = request.symbol
        spec.period = index(request.period)
        spec.log_period = log10(spec.period)
        spec.multiplier = request.multiplier
        spec.interval_ns = request.interval_ns
        spec.field = _field(request, entry)
        spec.decay = entry.decay(request.period)
        spec.ring_offset = ring_length
        spec.ring_length = entry.ring_length(request.period)
        spec.output_offset = n_outputs
        spec.n_outputs = len(entry.outputs)
        ring_length += entry.ring_length(request.period)
        n_outputs += len(entry.outputs)
    return specs, states, np.zeros(ring_length), n_outputs


def _check(request: Request, entry: Entry) -> None:
    name = request.kind.name.lower()
    if request.period < entry.minimum_period:
        raise ConfigError(f"{name}: period is {request.period}; use {entry.minimum_period} or more")
    if entry.uses_multiplier and not (isfinite(request.multiplier) and request.multiplier >= 0.0):
        raise ConfigError(f"{name}: multiplier is {request.multiplier}; use a finite number, zero or more")
    if request.field is not None and entry.field is None:
        raise ConfigError(
            f"{name}: field is {request.field.name.lower()}, but its formula fixes its columns; leave it out"
        )


def _field(request: Request, entry: Entry) -> int:
    field = request.field if request.field is not None else entry.field
    return int(BarField.CLOSE if field is None else field)


@compiled(inline=True)
def column(field: int, open_: float, high: float, low: float, close: float, volume: float) -> float:
    """Return the column of a bar that ``field`` names."""
    if field == CLOSE:
        return close
    if field == HIGH:
        return high
    if field == LOW:
        return low
    if field == OPEN:
        return open_
    return volume
