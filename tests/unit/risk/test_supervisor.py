"""The supervisor halts when errors pile up, and only the operator lets go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.durations import MINUTE_NS
from ballast.model.enums import LadderState
from ballast.model.errors import (
    ConfigError,
    Disconnected,
    InsufficientMargin,
    InvariantBroken,
    JournalError,
    OutcomeUnknown,
    RateLimited,
    SchemaError,
    VenueError,
)
from ballast.risk.supervisor import (
    ACCOUNT,
    ERRORS_KEPT,
    ErrorClass,
    SupervisorCause,
    SupervisorLevel,
    SupervisorLimits,
    SupervisorVerdict,
    error_class,
    ladder_floor,
    new_supervisor,
    operator_clear,
    operator_clear_symbol,
    operator_flatten,
    operator_halt,
    report_error,
    report_success,
    request_flatten,
    restored,
    saved,
    supervisor_verdict,
)

SYMBOLS = ["EURUSD", "XAUUSD", "GBPUSD"]
START_NS = 1_800_000_000_000_000_000
LIMITS = SupervisorLimits.new()  # type: ignore[attr-defined]
LATER_NS = START_NS + 100 * MINUTE_NS


def report(supervisor: Any, kind: ErrorClass, *, symbol: int = ACCOUNT, at_ns: int = START_NS) -> SupervisorCause:
    return SupervisorCause(report_error(supervisor, LIMITS, kind, symbol, at_ns))


def verdict(supervisor: Any, *, symbol: int = 0, at_ns: int = LATER_NS, is_raising: bool = True) -> SupervisorVerdict:
    return SupervisorVerdict(supervisor_verdict(is_raising, at_ns, symbol, supervisor))


def halted() -> Any:
    supervisor = new_supervisor(SYMBOLS)
    operator_halt(supervisor, START_NS)
    return supervisor


def test_five_errors_of_one_class_halt_and_four_do_not() -> None:
    supervisor = new_supervisor(SYMBOLS)
    for _ in range(4):
        assert report(supervisor, ErrorClass.REJECTED) == SupervisorCause.NONE
    assert verdict(supervisor) == SupervisorVerdict.PASS
    assert report(supervisor, ErrorClass.REJECTED) == SupervisorCause.SAME_ERROR
    assert (supervisor.level, supervisor.since_ns) == (SupervisorLevel.HALT_NEW, START_NS)
    assert verdict(supervisor) == SupervisorVerdict.HALTED


def test_another_class_or_a_success_between_breaks_the_row() -> None:
    supervisor = new_supervisor(SYMBOLS)
    for _ in range(4):
        report(supervisor, ErrorClass.REJECTED)
    report(supervisor, ErrorClass.CONNECTION)
    report(supervisor, ErrorClass.REJECTED)
    report_success(supervisor, ACCOUNT)
    for _ in range(3):
        report(supervisor, ErrorClass.REJECTED)
    assert supervisor.level == SupervisorLevel.RUNNING
    assert supervisor.n_errors == 9


@pytest.mark.parametrize(("span_ns", "halts"), [(10 * MINUTE_NS, True), (10 * MINUTE_NS + 1, False)])
def test_ten_mixed_errors_within_ten_minutes_halt_even_with_successes_between(span_ns: int, halts: bool) -> None:
    supervisor = new_supervisor(SYMBOLS)
    kinds = [ErrorClass.REJECTED, ErrorClass.CONNECTION]
    for number in range(9):
        at_ns = START_NS + min(number, 1) * 5 * MINUTE_NS
        assert report(supervisor, kinds[number % 2], at_ns=at_ns) == SupervisorCause.NONE
        report_success(supervisor, ACCOUNT)
    expected = SupervisorCause.MIXED_ERRORS if halts else SupervisorCause.NONE
    assert report(supervisor, ErrorClass.INTERNAL, at_ns=START_NS + span_ns) == expected


def test_old_errors_are_forgotten_by_the_ring_as_by_the_window() -> None:
    supervisor = new_supervisor(SYMBOLS)
    for number in range(3 * ERRORS_KEPT):
        kind = (ErrorClass.REJECTED, ErrorClass.CONNECTION)[number % 2]
        assert report(supervisor, kind, at_ns=START_NS + number * 2 * MINUTE_NS) == SupervisorCause.NONE


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (ErrorClass.JOURNAL, SupervisorCause.JOURNAL_LOST),
        (ErrorClass.INVARIANT, SupervisorCause.INVARIANT_BROKEN),
    ],
)
def test_a_lost_journal_and_a_broken_invariant_halt_at_once(kind: ErrorClass, cause: SupervisorCause) -> None:
    assert report(new_supervisor(SYMBOLS), kind) == cause


def test_errors_of_a_symbols_data_halt_that_symbol_alone() -> None:
    supervisor = new_supervisor(SYMBOLS)
    for number in range(4):
        assert report(supervisor, ErrorClass.DATA, symbol=1) == SupervisorCause.NONE
        report(supervisor, ErrorClass.DATA, symbol=number % 2 * 2)
    assert report(supervisor, ErrorClass.DATA, symbol=1) == SupervisorCause.SYMBOL_DATA
    assert report(supervisor, ErrorClass.DATA, symbol=1) == SupervisorCause.NONE
    assert [verdict(supervisor, symbol=symbol) for symbol in range(3)] == [
        SupervisorVerdict.PASS,
        SupervisorVerdict.SYMBOL_HALTED,
        SupervisorVerdict.PASS,
    ]
    assert (supervisor.level, supervisor.n_errors) == (SupervisorLevel.RUNNING, 0)
    report_success(supervisor, 1)
    assert verdict(supervisor, symbol=1) == SupervisorVerdict.SYMBOL_HALTED
    operator_clear_symbol(supervisor, 1)
    assert verdict(supervisor, symbol=1) == SupervisorVerdict.PASS


def test_good_data_of_a_symbol_breaks_its_row() -> None:
    supervisor = new_supervisor(SYMBOLS)
    for _ in range(3):
        report(supervisor, ErrorClass.DATA, symbol=1)
        report(supervisor, ErrorClass.DATA, symbol=1)
        report_success(supervisor, 1)
    assert not supervisor.symbol_is_halted[1]


def test_data_errors_of_no_symbol_count_for_the_account() -> None:
    supervisor = new_supervisor(SYMBOLS)
    causes = [report(supervisor, ErrorClass.DATA) for _ in range(5)]
    assert causes[-1] == SupervisorCause.SAME_ERROR


@pytest.mark.parametrize(
    ("after_ns", "expected"),
    [
        (0, SupervisorVerdict.COOLDOWN),
        (15 * MINUTE_NS - 1, SupervisorVerdict.COOLDOWN),
        (15 * MINUTE_NS, SupervisorVerdict.PASS),
    ],
)
def test_a_cooldown_blocks_entries_and_nothing_else(after_ns: int, expected: SupervisorVerdict) -> None:
    supervisor = new_supervisor(SYMBOLS)
    report(supervisor, ErrorClass.CONNECTION)
    assert verdict(supervisor, at_ns=START_NS + after_ns) == expected
    assert verdict(supervisor, at_ns=START_NS + after_ns, is_raising=False) == SupervisorVerdict.PASS


def test_a_symbols_cooldown_is_its_own() -> None:
    supervisor = new_supervisor(SYMBOLS)
    report(supervisor, ErrorClass.DATA, symbol=2)
    assert verdict(supervisor, symbol=2, at_ns=START_NS) == SupervisorVerdict.SYMBOL_COOLDOWN
    assert verdict(supervisor, symbol=0, at_ns=START_NS) == SupervisorVerdict.PASS


def test_an_earlier_error_does_not_shorten_a_cooldown() -> None:
    supervisor = new_supervisor(SYMBOLS)
    report(supervisor, ErrorClass.CONNECTION)
    report(supervisor, ErrorClass.REJECTED, at_ns=START_NS - 60 * MINUTE_NS)
    assert verdict(supervisor, at_ns=START_NS + MINUTE_NS) == SupervisorVerdict.COOLDOWN


@pytest.mark.parametrize(
    ("level", "state", "word"),
    [
        (SupervisorLevel.RUNNING, LadderState.NORMAL, SupervisorVerdict.PASS),
        (SupervisorLevel.HALT_NEW, LadderState.FROZEN, SupervisorVerdict.HALTED),
        (SupervisorLevel.FLATTEN, LadderState.EMERGENCY, SupervisorVerdict.FLATTENING),
        (99, LadderState.EMERGENCY, SupervisorVerdict.FLATTENING),
    ],
)
def test_the_levels_are_states_of_the_ladder(level: int, state: LadderState, word: SupervisorVerdict) -> None:
    supervisor = new_supervisor(SYMBOLS)
    supervisor.level = level
    assert ladder_floor(supervisor) == state
    assert verdict(supervisor) == word
    assert verdict(supervisor, is_raising=False) == SupervisorVerdict.PASS


def test_flattening_stands_over_halting_and_never_the_other_way() -> None:
    supervisor = halted()
    assert request_flatten(supervisor, SupervisorCause.LOSS_LIMIT, LATER_NS) == SupervisorCause.LOSS_LIMIT
    assert operator_halt(supervisor, LATER_NS) == SupervisorCause.NONE
    assert operator_flatten(supervisor, LATER_NS) == SupervisorCause.NONE
    assert (supervisor.level, supervisor.cause) == (SupervisorLevel.FLATTEN, SupervisorCause.LOSS_LIMIT)


def test_the_operator_clears_everything() -> None:
    supervisor = new_supervisor(SYMBOLS)
    for _ in range(5):
        report(supervisor, ErrorClass.REJECTED)
        report(supervisor, ErrorClass.DATA, symbol=1)
    operator_clear(supervisor, START_NS)
    assert [verdict(supervisor, symbol=symbol, at_ns=START_NS) for symbol in range(3)] == [SupervisorVerdict.PASS] * 3
    for _ in range(4):
        assert report(supervisor, ErrorClass.REJECTED) == SupervisorCause.NONE


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InvariantBroken(""), ErrorClass.INVARIANT),
        (JournalError(""), ErrorClass.JOURNAL),
        (RateLimited(""), ErrorClass.RATE_LIMIT),
        (Disconnected(""), ErrorClass.CONNECTION),
        (InsufficientMargin(""), ErrorClass.REJECTED),
        (OutcomeUnknown(""), ErrorClass.OUTCOME_UNKNOWN),
        (VenueError(""), ErrorClass.VENUE),
        (SchemaError(""), ErrorClass.DATA),
        (TimeoutError(), ErrorClass.CONNECTION),
        (ZeroDivisionError(), ErrorClass.INTERNAL),
        (KeyboardInterrupt(), ErrorClass.INTERNAL),
    ],
)
def test_every_error_has_a_class(error: BaseException, expected: ErrorClass) -> None:
    assert error_class(error) == expected


happenings = st.one_of(
    st.tuples(st.just("error"), st.sampled_from(ErrorClass), st.integers(-1, 2)),
    st.tuples(st.just("success"), st.just(None), st.integers(-1, 2)),
    st.tuples(st.just("flatten"), st.just(None), st.just(0)),
    st.tuples(st.just("halt"), st.just(None), st.just(0)),
    st.tuples(st.just("restart"), st.just(None), st.just(0)),
)


def happen(supervisor: Any, what: str, kind: ErrorClass | None, symbol: int, now_ns: int) -> Any:
    if what == "error" and kind is not None:
        report(supervisor, kind, symbol=symbol, at_ns=now_ns)
    elif what == "success":
        report_success(supervisor, symbol)
    elif what == "flatten":
        request_flatten(supervisor, SupervisorCause.NO_STOP_POSSIBLE, now_ns)
    elif what == "halt":
        operator_halt(supervisor, now_ns)
    else:
        return restored(saved(supervisor, SYMBOLS), SYMBOLS, now_ns)
    return supervisor


@given(st.lists(st.tuples(happenings, st.integers(-MINUTE_NS, 30 * MINUTE_NS)), max_size=60))
def test_nothing_but_the_operator_lowers_a_level_and_exits_always_pass(story: list[Any]) -> None:
    supervisor, now_ns = new_supervisor(SYMBOLS), START_NS
    for (what, kind, symbol), step_ns in story:
        before, halts = int(supervisor.level), list(supervisor.symbol_is_halted)
        now_ns += step_ns
        supervisor = happen(supervisor, what, kind, symbol, now_ns)
        assert supervisor.level >= before
        assert all(now >= then for now, then in zip(supervisor.symbol_is_halted, halts, strict=True))
        for each in range(3):
            assert verdict(supervisor, symbol=each, at_ns=now_ns, is_raising=False) == SupervisorVerdict.PASS
            if supervisor.level > SupervisorLevel.RUNNING:
                assert verdict(supervisor, symbol=each, at_ns=now_ns + 10**18) != SupervisorVerdict.PASS


@given(st.lists(st.tuples(happenings, st.integers(0, MINUTE_NS)), max_size=40))
def test_a_restart_at_every_step_changes_nothing(story: list[Any]) -> None:
    through, restarted, now_ns = new_supervisor(SYMBOLS), new_supervisor(SYMBOLS), START_NS
    for (what, kind, symbol), step_ns in story:
        now_ns += step_ns
        through = happen(through, what, kind, symbol, now_ns)
        restarted = restored(saved(restarted, SYMBOLS), SYMBOLS, now_ns)
        restarted = happen(restarted, what, kind, symbol, now_ns)
    assert restarted.tobytes() == through.tobytes()


def test_symbols_keep_what_is_theirs_when_their_order_changes() -> None:
    supervisor = new_supervisor(SYMBOLS)
    for _ in range(5):
        report(supervisor, ErrorClass.DATA, symbol=1)
    report(supervisor, ErrorClass.DATA, symbol=2)
    moved = restored(saved(supervisor, SYMBOLS), ["GBPUSD", "XAUUSD", "USDJPY"], LATER_NS)
    assert moved.symbol_is_halted.tolist() == [0, 1, 0]
    assert moved.symbol_errors.tolist() == [1, 5, 0]


def test_a_halted_symbol_cannot_be_forgotten_by_leaving_it_out() -> None:
    supervisor = new_supervisor(SYMBOLS)
    for _ in range(5):
        report(supervisor, ErrorClass.DATA, symbol=1)
    with pytest.raises(ConfigError, match="XAUUSD halted by the supervisor"):
        restored(saved(supervisor, SYMBOLS), ["EURUSD"], LATER_NS)


GOOD = saved(new_supervisor(SYMBOLS), SYMBOLS)
DAMAGED = {
    "nothing": b"",
    "something else": b"hello",
    "cut short": GOOD[:-1],
    "too long": GOOD + b"\0",
    "without its record": GOOD.partition(b"\n")[0],
    "another version": GOOD.replace(b'"supervisor": 1', b'"supervisor": 2'),
    "another symbol": GOOD.replace(b"XAUUSD", b"XAGUSD"),
    "no table": b"[]\n",
    "symbols that are none": b'{"supervisor": 1, "symbols": 3, "crc32": 0}\n',
    "symbols that are no text": b'{"supervisor": 1, "symbols": [3], "crc32": 0}\n',
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=list(DAMAGED))
def test_a_record_that_cannot_be_read_comes_back_halted(data: bytes) -> None:
    back = restored(data, SYMBOLS, START_NS)
    assert (back.level, back.cause) == (SupervisorLevel.HALT_NEW, SupervisorCause.UNREADABLE_RECORD)
    assert back.since_ns == START_NS
    assert verdict(back) == SupervisorVerdict.HALTED


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_damaged_byte_sets_a_halted_supervisor_free(position: int, change: int) -> None:
    data = bytearray(saved(halted(), SYMBOLS))
    data[position % len(data)] ^= change
    assert restored(bytes(data), SYMBOLS, LATER_NS).level >= SupervisorLevel.HALT_NEW


def test_a_level_that_does_not_exist_comes_back_halted() -> None:
    supervisor = new_supervisor(SYMBOLS)
    supervisor.level = -1
    assert restored(saved(supervisor, SYMBOLS), SYMBOLS, START_NS).level == SupervisorLevel.HALT_NEW
