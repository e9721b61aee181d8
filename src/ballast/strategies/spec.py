"""
What a strategy is: Params, State, ``decide``, and what it declares about itself.

A strategy module defines ``Params`` and ``State`` (records), ``decide(row, view, state, params, intents)``
returning how many intents it wrote, and optionally ``features(params, n_symbols, interval_ns)``,
``validate(params, n_symbols)``, ``prepare(state, params, has_positions)``, ``outcome(state)``, ``quiet(features,
frame, stop, view, state, params)``, ``refuse_start(params, start)``, ``Reason`` (an ``IntEnum`` of its own
reasons), ``EXIT_PLAN``, ``ACTS_ON_BARS_ONLY``, ``POSITION_MODE`` (the only one that it can trade in),
``CARRIES_OWN_STOPS``, ``DECIDES_IN_CYCLES``, ``SECTION_KEYS``, ``furnish(params, surroundings)``, of its notes
``SIGNALS``, ``REFUSALS``, ``ALARMS`` and ``LOCKS``, ``tell(note)`` and ``LEVELS``,
``FOLLOWS_PROFILE`` (``Params`` has a boolean ``is_documented``, no key of its own: the profile of ``[risk]`` sets it),
``TICK_CAUSES`` (QUOTE, TRADE or both: which ticks it is called for), ``QUOTE_REASONS`` (those of its reasons that are
of resting quotes), ``MAKER_REASONS`` (those of a maker beside other trades), ``assumptions(has_ticks)`` and
``makes_market(params)``.

A setting that may differ by symbol is a field of ``Params`` with an entry per symbol, ``SymbolFloats`` or
``SymbolInts``, declared with ``parameter`` like any other; one value in a file fills all entries.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import isfinite
from types import ModuleType
from typing import Any

from ballast.indicators.table import Request
from ballast.model.enums import Cause, PositionMode
from ballast.model.errors import ConfigError, nearest
from ballast.model.market import width_for
from ballast.model.records import Parameter

LARGEST = 2**62
"""What a 64-bit integer holds with room to add."""

EXIT_PLANS = ("take_profit", "stop", "rebalance", "none")


@dataclass(frozen=True)
class Start:
    """What a margin account's first entries depend on, by symbol; ``instruments`` is an array of ``Instrument``."""

    symbols: Sequence[str]
    prices: Sequence[float]
    leverage: Sequence[float]
    instruments: Any


def always(params: Any) -> bool:
    """Let every declaration apply, whatever the settings."""
    return True


def no_assumptions(has_ticks: bool) -> Sequence[str]:
    """Take nothing for granted but what every run does."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """
    What the rest of a configuration tells a strategy's settings, for ``furnish``.

    ``elastic`` is the ``ElasticSettings`` record of ``[risk.elastic_trailing]``, ``pace`` the ``PollingSettings``
    beside it; ``is_crypto`` is what the symbols' names say; ``is_screened``: the compliance screen is on.
    """

    symbols: Sequence[str]
    is_crypto: Sequence[bool]
    elastic: Any
    pace: Any
    is_screened: bool


@dataclass(frozen=True)
class Strategy:
    """
    One strategy, as the engine takes it.

    ``decide`` may be a compiled function or any Python callable; ``is_compiled`` tells which, and a
    Python one runs between the two compiled halves of a step with the same results, slower. ``quiet`` is a
    promise for sweeps: given all features, the first frame at which ``decide`` might act or change its
    state, provided that nothing else happens before. ``acts_on_bars_only`` promises that ``decide`` returns 0,
    changes nothing and remembers nothing on any cause but BAR. ``refuse_start(params, start)`` says that the strategy
    opens both legs of every symbol at once, so that a capital can be tried before a run, and raises ``ConfigError``
    where one of them cannot be sized. ``position_mode`` is the
    mode of the margin account that the strategy needs, None if it runs on any account. ``follows_profile`` tells
    whether it has rules of its own for the documented profile of the risk ladder. ``tick_causes`` are the ticks that it
    is called for: nobody else is. ``quote_reasons`` are the reasons of its resting quotes, which results judge apart;
    ``maker_reasons`` those of all orders of a maker that trades beside the rest of it, with coins of its own.
    ``assumptions(has_ticks)`` says in sentences what it takes for granted. ``makes_market(params)`` tells whether these
    three apply with such settings, and ``makers`` of its ``State`` has a row per symbol; always, unless a module says
    otherwise.

    ``section_keys`` names the settings that stand in other sections than ``[strategy]``, by section, and
    ``furnish(params, surroundings)`` completes a ``Params`` record from what else the configuration says.
    ``carries_own_stops``: ``[risk.elastic_trailing]`` is the strategy's own to read, so that the engine puts no stop on
    its legs. ``decides_in_cycles``: it reads ``[trading]``'s cycle and chance. ``signals``, ``refusals``, ``alarms``
    and ``locks`` tell what its notes mean in results: a note of a reason in ``signals`` counts under the name of its
    ``level`` in that enumeration, one in ``refusals`` under its reason's name, one in ``alarms`` likewise and is also a
    warning in logs, one in ``locks`` is a lock of ``value`` at ``peak``.
    ``tell(note)`` says in words what a row of ``engine.state.Note`` before an order means, ``levels`` which are prices
    of the trade whose number is their ``level``, by what to call them; reports explain trades with both.
    """

    name: str
    params_type: Any
    state_type: Any
    decide: Callable[..., int]
    is_compiled: bool
    features: Callable[[Any, int, int], Sequence[Request]]
    validate: Callable[[Any, int], None]
    prepare: Callable[[Any, Any, bool], None]
    reasons: Mapping[int, str]
    exit_plan: str
    execution_overrides: Callable[[Any], Mapping[str, Any]]
    outcome: Callable[[Any], Mapping[str, int]]
    quiet: Callable[..., int] | None = None
    acts_on_bars_only: bool = False
    refuse_start: Callable[[Any, Start], None] | None = None
    position_mode: PositionMode | None = None
    tick_causes: frozenset[Cause] = frozenset()
    quote_reasons: frozenset[int] = frozenset()
    maker_reasons: frozenset[int] = frozenset()
    assumptions: Callable[[bool], Sequence[str]] = no_assumptions
    makes_market: Callable[[Any], bool] = always
    carries_own_stops: bool = False
    decides_in_cycles: bool = False
    section_keys: Mapping[str, Collection[str]] = field(default_factory=dict)
    furnish: Callable[[Any, Surroundings], None] | None = None
    signals: Mapping[int, type[IntEnum]] = field(default_factory=dict)
    refusals: Collection[int] = ()
    alarms: Collection[int] = ()
    locks: Collection[int] = ()
    tell: Callable[[Any], str] | None = None
    levels: Mapping[int, str] = field(default_factory=dict)
    follows_profile: bool = False

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The settings that a user may give, by key."""
        parameters: Mapping[str, Parameter] = self.params_type.parameters
        return parameters

    def keys_of_section(self, section: str) -> Mapping[str, Parameter]:
        """Return the settings that stand in one section of a file."""
        own = self.section_keys.get(section, ())
        elsewhere = {key for keys in self.section_keys.values() for key in keys}
        is_own = section == "strategy"
        return {key: one for key, one in self.parameters.items() if key in own or (is_own and key not in elsewhere)}

    @property
    def symbol_keys(self) -> Sequence[str]:
        """The settings that may differ by symbol: those whose field of ``Params`` has an entry per symbol."""
        dtype = self.params_type.dtype(symbols=1)
        return [key for key in self.parameters if dtype[key].shape]

    def params(
        self,
        values: Mapping[str, Any],
        n_symbols: int,
        by_symbol: Mapping[int, Mapping[str, Any]] | None = None,
        *,
        is_documented: bool = False,
    ) -> Any:
        """
        Return a ``Params`` record from plain values, checked.

        A value fills every entry of a field that has one per symbol; ``by_symbol`` then sets single entries, by
        symbol index. ``is_documented``, the ladder's profile, is for strategies that follow it. Raises
        ``ConfigError`` for an unknown key, a wrong type or a value out of range.
        """
        record = self.params_type.new(symbols=width_for(n_symbols))
        for key, value in self.checked_values(values).items():
            record[key] = value
        for symbol, own in (by_symbol or {}).items():
            for key, value in self.checked_values(own).items():
                record[key][symbol] = value
        if self.follows_profile:
            record.is_documented = is_documented
        self.validate(record, n_symbols)
        return record

    def checked_values(self, values: Mapping[str, Any], path: str = "strategy") -> dict[str, float | int | bool]:
        """Return values as compiled code sees them; raises ``ConfigError`` naming ``path`` and key."""
        return checked_values(values, self.parameters, path, f"of '{self.name}'")


def checked_values(
    values: Mapping[str, Any], parameters: Mapping[str, Parameter], path: str, owner: str
) -> dict[str, float | int | bool]:
    """
    Return values as compiled code sees them.

    Raises ``ConfigError`` for a key that ``owner``, in words, does not know, and as ``checked`` does.
    """
    for key in values:
        if key not in parameters:
            raise ConfigError(f"{path}.{key}: no such key {owner}{nearest(key, parameters)}")
    return {key: checked(f"{path}.{key}", parameters[key], value) for key, value in values.items()}


def plain(parameter: Parameter, value: Any) -> Any:
    """Return a value that compiled code sees as a file writes it."""
    if parameter.choices is not None:
        return parameter.choices(int(value)).name.lower()
    return type(parameter.default)(value)


def no_preparation(state: Any, params: Any, has_positions: bool) -> None:
    """Leave a strategy's memory as it is declared."""


def checked(key: str, parameter: Parameter, value: Any) -> float | int | bool:
    """Return ``value`` as compiled code sees it, or raise ``ConfigError`` naming the key, the value and the range."""
    if parameter.choices is not None:
        words = [choice.name.lower() for choice in parameter.choices]
        if value not in words:
            raise ConfigError(f"{key} = {value!r}: expected one of {', '.join(words)}{nearest(str(value), words)}")
        return int(parameter.choices[value.upper()])
    if isinstance(parameter.default, bool):
        if not isinstance(value, bool):
            raise ConfigError(f"{key} = {value!r}: expected true or false")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{key} = {value!r}: expected a number{_unit(parameter)}")
    if isinstance(value, float) and not isfinite(value):
        raise ConfigError(f"{key} = {value!r}: expected a finite number{_unit(parameter)}")
    if isinstance(parameter.default, int) and value != int(value):
        raise ConfigError(f"{key} = {value!r}: expected a whole number{_unit(parameter)}")
    if abs(value) > LARGEST:
        raise ConfigError(f"{key} = {value!r}: expected {range_text(parameter)}, and no such giant{_unit(parameter)}")
    if not _in_range(parameter, value):
        raise ConfigError(
            f"{key} = {value!r}: expected {range_text(parameter)}{_unit(parameter)}{_unit_hint(parameter, value)}"
        )
    return int(value) if isinstance(parameter.default, int) else float(value)


def _in_range(parameter: Parameter, value: float) -> bool:
    above = value > parameter.minimum or (value == parameter.minimum and not parameter.exclusive_minimum)
    below = value < parameter.maximum or (value == parameter.maximum and not parameter.exclusive_maximum)
    return above and below


def _unit_hint(parameter: Parameter, value: float) -> str:
    """Return what was probably meant by a fraction written as a percentage, or the other way round."""
    if parameter.unit == "fraction" and 1.0 < value <= 100.0 and _in_range(parameter, value / 100.0):
        return f"; did you mean {value / 100:g}? it is a fraction"
    if parameter.unit == "percent" and 0.0 < value <= 1.0 and _in_range(parameter, value * 100.0):
        return f"; did you mean {value * 100:g}? it is a percent"
    return ""


def _unit(parameter: Parameter) -> str:
    return f" ({parameter.unit})" if parameter.unit else ""


def range_text(parameter: Parameter) -> str:
    """Return a parameter's range in words, for messages and documentation."""
    low, high = parameter.minimum, parameter.maximum
    parts = []
    if low != float("-inf"):
        parts.append(f"{'above' if parameter.exclusive_minimum else 'at least'} {low:g}")
    if high != float("inf"):
        parts.append(f"{'below' if parameter.exclusive_maximum else 'at most'} {high:g}")
    return "a number " + " and ".join(parts) if parts else "a number"


def _tick_causes(causes: Sequence[int], name: str) -> frozenset[Cause]:
    others = [cause for cause in causes if cause not in (Cause.QUOTE, Cause.TRADE)]
    if others:
        raise ConfigError(f"strategy '{name}': TICK_CAUSES has {others[0]!r}, which is neither QUOTE nor TRADE")
    return frozenset(Cause(cause) for cause in causes)


def from_module(module: ModuleType, name: str) -> Strategy:
    """Return the strategy that a module defines; ``ConfigError`` names what it lacks."""
    for required in ("Params", "State", "decide"):
        if not hasattr(module, required):
            raise ConfigError(f"strategy '{name}' ({module.__file__}): the module defines no '{required}'")
    decide = module.decide
    exit_plan = getattr(module, "EXIT_PLAN", "none")
    if exit_plan not in EXIT_PLANS:
        raise ConfigError(f"strategy '{name}': EXIT_PLAN = {exit_plan!r} is not one of {', '.join(EXIT_PLANS)}")
    reasons = {int(reason): reason.name.lower() for reason in getattr(module, "Reason", ())}
    return Strategy(
        name=name,
        params_type=module.Params,
        state_type=module.State,
        decide=decide,
        is_compiled=hasattr(decide, "py_func"),
        features=getattr(module, "features", lambda params, n_symbols, interval_ns: ()),
        validate=getattr(module, "validate", lambda params, n_symbols: None),
        prepare=getattr(module, "prepare", no_preparation),
        reasons=reasons,
        exit_plan=exit_plan,
        execution_overrides=getattr(module, "execution_overrides", lambda params: {}),
        outcome=getattr(module, "outcome", lambda state: {}),
        quiet=getattr(module, "quiet", None),
        acts_on_bars_only=getattr(module, "ACTS_ON_BARS_ONLY", False),
        refuse_start=getattr(module, "refuse_start", None),
        position_mode=getattr(module, "POSITION_MODE", None),
        quote_reasons=frozenset(int(reason) for reason in getattr(module, "QUOTE_REASONS", ())),
        maker_reasons=frozenset(int(reason) for reason in getattr(module, "MAKER_REASONS", ())),
        assumptions=getattr(module, "assumptions", no_assumptions),
        makes_market=getattr(module, "makes_market", always),
        tick_causes=_tick_causes(getattr(module, "TICK_CAUSES", ()), name),
        carries_own_stops=getattr(module, "CARRIES_OWN_STOPS", False),
        decides_in_cycles=getattr(module, "DECIDES_IN_CYCLES", False),
        section_keys=getattr(module, "SECTION_KEYS", {}),
        furnish=getattr(module, "furnish", None),
        signals={int(reason): kind for reason, kind in getattr(module, "SIGNALS", {}).items()},
        refusals=frozenset(map(int, getattr(module, "REFUSALS", ()))),
        alarms=frozenset(map(int, getattr(module, "ALARMS", ()))),
        locks=frozenset(map(int, getattr(module, "LOCKS", ()))),
        tell=getattr(module, "tell", None),
        levels={int(reason): name for reason, name in getattr(module, "LEVELS", {}).items()},
        follows_profile=getattr(module, "FOLLOWS_PROFILE", False),
    )
