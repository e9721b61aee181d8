"""``ballast sete``: what the elastic trailing stop locks for a series of profits, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, isnan
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ballast.cli.terminal import console
from ballast.model.durations import SECOND_NS
from ballast.model.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

FIRST = "first"
LONGEST_S = 86_400.0


@dataclass(frozen=True)
class Sample:
    """One row of the table; ``lock`` is the one in force after the sample, None without one."""

    profit: float
    peak: float
    floor_lock: float
    elastic_line: float
    is_jump: bool
    target: float
    lock: float | None
    verdict: str


@dataclass(frozen=True)
class Exit:
    """Where a stop that really stands would have filled: at which sample, counting from 1, and for how much."""

    sample: int
    profit: float
    locked: float


def _option(flag: str, meaning: str, metavar: str | None = "AMOUNT") -> Any:
    return typer.Option(flag, metavar=metavar, help=meaning)


def sete(
    profits: Annotated[str, _option("--profits", "Profits of a position, one per sample.", "A,B,...")],
    mode: Annotated[str, _option("--mode", "`reconciled`, `literal` or `original`.", "WORD")] = "reconciled",
    pullback_tolerance_pct: Annotated[
        float, _option("--pullback-tolerance-pct", "Part of the peak that may be given back.", "FRACTION")
    ] = 0.40,
    min_lock_increment_usd: Annotated[
        float, _option("--min-lock-increment-usd", "Step of the ladder, and least profit that is locked.")
    ] = 0.10,
    big_jump_threshold_usd: Annotated[
        float, _option("--big-jump-threshold-usd", "A rise of more than this is a jump.")
    ] = 0.40,
    big_jump_lock_margin_usd: Annotated[
        float, _option("--big-jump-lock-margin-usd", "Margin that a jump is locked with; not in `original`.")
    ] = 0.10,
    max_peak_lock_usd: Annotated[float, _option("--max-peak-lock-usd", "Lock of a peak at the threshold.")] = 0.80,
    max_peak_threshold_usd: Annotated[
        float, _option("--max-peak-threshold-usd", "Peak from which that lock counts; always in `original`.")
    ] = 1.00,
    max_peak_lock_mode: Annotated[
        str | None,
        _option("--max-peak-lock-mode", "`then_elastic`, the default, or `cap`; the other modes always cap.", "WORD"),
    ] = None,
    jump_window_seconds: Annotated[
        float,
        _option(
            "--jump-window-seconds", "Greatest age of what a jump is measured against; `reconciled` only.", "SECONDS"
        ),
    ] = 3.0,
    min_lock_move_usd: Annotated[
        float, _option("--min-lock-move-usd", "Least move of a lock; `reconciled` only.")
    ] = 0.01,
    disabled: Annotated[bool, typer.Option("--disabled", help="Use the plain ladder, without elastic line.")] = False,
    baseline: Annotated[
        str, _option("--baseline", "Profit before the first sample; `first` takes the first sample itself.", "AMOUNT")
    ] = "0",
    every: Annotated[float, _option("--every", "Time between two samples.", "SECONDS")] = 3.0,
    closed_loop: Annotated[
        bool, typer.Option("--closed-loop", help="Let the stop fill, at its lock, once a profit is at or below it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what the elastic trailing stop locks for a series of profits."""
    series = amounts("--profits", profits)
    start = None if baseline == FIRST else one_amount("--baseline", baseline)
    if not 0.0 < every <= LONGEST_S:
        raise ConfigError(f"--every {every:g}: expected seconds above 0 and at most {LONGEST_S:g}")
    settings = settings_from({
        "mode": mode,
        "pullback_tolerance_pct": pullback_tolerance_pct,
        "min_lock_increment_usd": min_lock_increment_usd,
        "big_jump_threshold_usd": big_jump_threshold_usd,
        "big_jump_lock_margin_usd": big_jump_lock_margin_usd,
        "max_peak_lock_usd": max_peak_lock_usd,
        "max_peak_threshold_usd": max_peak_threshold_usd,
        "max_peak_lock_mode": max_peak_lock_mode,
        "jump_window_seconds": jump_window_seconds,
        "min_lock_move_usd": min_lock_move_usd,
        "enabled": not disabled,
    })
    samples, fill = play(settings, series, start, every, is_closed_loop=closed_loop)
    if as_json:
        import json

        typer.echo(json.dumps(document(settings, samples, fill, is_closed_loop=closed_loop), indent=2))
        return
    terminal = console()
    terminal.print(table("disabled" if disabled else mode, samples))
    if closed_loop:
        terminal.print(ending(samples, fill))


def amounts(option: str, text: str) -> list[float]:
    """Return the amounts that stand in one option with commas between; ``ConfigError`` for one that is none."""
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise ConfigError(f"{option} '{text}': an amount is missing; write them with commas between, such as 0.56,0.34")
    return [one_amount(option, word) for word in words]


def one_amount(option: str, word: str) -> float:
    """Return an amount; ``ConfigError`` names the word that is none, or too large to be reckoned with exactly."""
    from ballast.orders.fixed_point import LARGEST_AMOUNT

    try:
        amount = float(word)
    except ValueError:
        hint = f", or '{FIRST}'" if option == "--baseline" else ", with commas between, such as 0.56,0.34"
        raise ConfigError(f"{option}: '{word}' is no amount; write plain numbers{hint}") from None
    if not isfinite(amount) or abs(amount) > LARGEST_AMOUNT:
        raise ConfigError(f"{option}: '{word}' cannot be reckoned with; use amounts up to {LARGEST_AMOUNT:g}")
    return amount


def settings_from(options: Mapping[str, Any]) -> Any:
    """
    Return checked ``ElasticSettings``; options that are None keep their defaults.

    Raises ``ConfigError`` naming the option.
    """
    from ballast.orders.elastic_settings import ElasticMode, ElasticSettings, validate
    from ballast.strategies.spec import checked

    settings = ElasticSettings.new()  # type: ignore[attr-defined]  # Added by @record.
    given = {key: value for key, value in options.items() if value is not None}
    for key, value in given.items():
        declared = ElasticSettings.parameters[key]  # type: ignore[attr-defined]  # Added by @record.
        setattr(settings, key, checked(flag(key), declared, value))
    if settings.mode != ElasticMode.RECONCILED and given.get("max_peak_lock_mode") == "then_elastic":
        raise ConfigError(
            f"--max-peak-lock-mode then_elastic: '{given['mode']}' always caps; leave it out, or use --mode reconciled"
        )
    validate(settings, flag)
    return settings


def flag(key: str) -> str:
    """Return the option that sets ``key``."""
    return f"--{key.replace('_', '-')}"


def play(
    settings: Any, profits: Sequence[float], baseline: float | None, every_s: float, *, is_closed_loop: bool
) -> tuple[list[Sample], Exit | None]:
    """
    Run the stop over ``profits``, one each ``every_s`` seconds, every move accepted as asked.

    A closed loop ends, with the exit, at the first profit at or below the lock before it.
    """
    from ballast.orders.elastic import ElasticDecision, ElasticStop, Verdict, accept, begin, step

    stop, decision = ElasticStop.new(), ElasticDecision.new()  # type: ignore[attr-defined]  # Added by @record.
    if baseline is not None:
        begin(stop, baseline, 0)
    samples: list[Sample] = []
    for number, profit in enumerate(profits, 1):
        if is_closed_loop and profit <= stop.lock:
            return samples, Exit(number, profit, float(stop.lock))
        verdict = Verdict(step(stop, settings, profit, int(number * every_s * SECOND_NS), decision))
        if verdict == Verdict.MOVE:
            accept(stop, decision.target)
        samples.append(
            Sample(
                profit=profit,
                peak=float(decision.peak),
                floor_lock=float(decision.floor_lock),
                elastic_line=float(decision.elastic_line),
                is_jump=bool(decision.is_jump),
                target=float(decision.target),
                lock=None if isnan(stop.lock) else float(stop.lock),
                verdict=verdict.name.lower(),
            )
        )
    return samples, None


def document(settings: Any, samples: Sequence[Sample], fill: Exit | None, *, is_closed_loop: bool) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    from ballast.orders.elastic_settings import ElasticSettings

    parameters = ElasticSettings.parameters  # type: ignore[attr-defined]  # Added by @record.
    words = {
        key: settings[key].item() if declared.choices is None else declared.choices(int(settings[key])).name.lower()
        for key, declared in parameters.items()
    }
    return {
        "settings": words,
        "closed_loop": is_closed_loop,
        "samples": [asdict(sample) for sample in samples],
        "exit": None if fill is None else asdict(fill),
    }


def table(mode: str, samples: Sequence[Sample]) -> Table:
    """Return the samples as a table to print."""
    from rich.table import Table

    made = Table(title=f"Elastic trailing stop, {mode}: profits in account currency")
    for heading in ("profit", "peak", "floor", "elastic line", "jump", "target", "lock"):
        made.add_column(heading, justify="right")
    made.add_column("", style="dim")
    for sample in samples:
        figures = (sample.peak, sample.floor_lock, sample.elastic_line)
        lock = "none" if sample.lock is None else written(sample.lock)
        made.add_row(
            written(sample.profit),
            *map(written, figures),
            "yes" if sample.is_jump else "no",
            written(sample.target),
            lock,
            sample.verdict.replace("_", " "),
        )
    return made


def ending(samples: Sequence[Sample], fill: Exit | None) -> str:
    """Return the sentence that says how a closed loop ended."""
    if fill is not None:
        return (
            f"Stopped out at sample {fill.sample}: a profit of {written(fill.profit)} is at or below the lock, "
            f"{written(fill.locked)}, which is what the position made (without slippage)."
        )
    lock = samples[-1].lock
    standing = "no stop" if lock is None else f"the stop at {written(lock)}"
    return f"Still open after {len(samples)} samples, {standing}."


def written(amount: float) -> str:
    """Return an amount with two decimals, or as many more as it has, up to eight."""
    whole, _, decimals = f"{amount:.8f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"
