"""A book from a snapshot and changes, and what happens where one is missing."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.venues.local_book import Applied, LocalBook

CHANGE = st.tuples(st.booleans(), st.integers(90, 110), st.integers(0, 3))


def book_of(*changes: tuple[bool, int, int]) -> LocalBook:
    """Return a book after changes that follow one another; a change is (is a bid, price, qty)."""
    book = LocalBook()
    book.restart(1, [("99", "1")], [("101", "1")])
    for number, change in enumerate(changes, start=2):
        assert book.change(number, number, *sides(change)) is Applied.YES
    return book


def sides(change: tuple[bool, int, int]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    is_bid, price, qty = change
    level = [(str(price), str(qty))]
    return (level, []) if is_bid else ([], level)


def test_a_quantity_replaces_and_nothing_removes() -> None:
    book = book_of((True, 98, 2), (True, 99, 0), (False, 102, 3), (False, 101, 2))
    assert book.levels() == (((98.0, 2.0),), ((101.0, 2.0), (102.0, 3.0)))


def test_a_book_that_misses_a_change_has_no_levels_until_a_snapshot() -> None:
    book = book_of((True, 98, 2))
    assert book.change(4, 4, [("97", "1")], []) is Applied.GAP
    assert book.levels() == ((), ())
    assert book.change(5, 5, [("97", "1")], []) is Applied.GAP
    book.restart(5, [("97", "1")], [])
    assert book.change(5, 5, [("96", "1")], []) is Applied.OLD
    assert book.change(6, 8, [("96", "1")], []) is Applied.YES
    assert (book.number, book.levels()) == (8, (((97.0, 1.0), (96.0, 1.0)), ()))


@given(changes=st.lists(CHANGE, max_size=30))
@settings(deadline=None)
def test_a_book_is_its_changes_one_by_one(changes: list[tuple[bool, int, int]]) -> None:
    expected = {True: {99.0: 1.0}, False: {101.0: 1.0}}
    for is_bid, price, qty in changes:
        expected[is_bid].pop(float(price), None)
        if qty:
            expected[is_bid][float(price)] = float(qty)
    bids, asks = book_of(*changes).levels()
    assert (dict(bids), dict(asks)) == (expected[True], expected[False])
    assert list(bids) == sorted(bids, reverse=True)
    assert list(asks) == sorted(asks)


@given(changes=st.lists(CHANGE, min_size=2, max_size=30), data=st.data())
@settings(deadline=None)
def test_whatever_change_is_lost_nothing_false_is_shown(
    changes: list[tuple[bool, int, int]], data: st.DataObject
) -> None:
    lost = data.draw(st.integers(0, len(changes) - 2))
    book = LocalBook()
    book.restart(1, [("99", "1")], [("101", "1")])
    for number, change in enumerate(changes):
        if number != lost:
            book.change(number + 2, number + 2, *sides(change))
    assert (book.number, book.levels()) == (None, ((), ()))


@pytest.mark.skipif(not os.environ.get("BALLAST_RECORDED_DATA"), reason="BALLAST_RECORDED_DATA is not set")
def test_a_recorded_book_never_crosses_and_misses_nothing() -> None:
    path = Path(os.environ["BALLAST_RECORDED_DATA"]) / "raw" / "bybit_v5_orderbook500_XRPUSDT_2024-12-01.jsonl.gz"
    with gzip.open(path, "rt") as file:
        messages = [json.loads(line) for line in file]
    book, n_levels = LocalBook(), []
    for message in messages:
        told = message["data"]
        if message["type"] == "snapshot":
            book.restart(told["u"], told["b"], told["a"])
        else:
            assert book.change(told["u"], told["u"], told["b"], told["a"]) is Applied.YES
        bids, asks = book.levels()
        assert bids[0][0] < asks[0][0]
        n_levels.append((len(bids), len(asks)))
    assert len(messages) == 50
    assert all(400 <= count <= 600 for pair in n_levels for count in pair), n_levels[-1]
