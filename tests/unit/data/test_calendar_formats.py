"""A calendar is read as it is meant, or refused with its own reason."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.data.calendar_formats import CalendarError, read_calendar
from ballast.model.durations import DAY_NS
from ballast.model.ports import Impact, NewsCalendar
from ballast.risk.news import NewsVerdict

SECOND_NS = 1_000_000_000
AT = datetime(2026, 11, 20, 13, 30, tzinfo=UTC)
AT_NS = int(AT.timestamp()) * SECOND_NS
NOW_NS = AT_NS - 3_600 * SECOND_NS


def row(**changes: Any) -> dict[str, Any]:
    event = {"title": "Payrolls", "country": "USD", "date": "2026-11-20T08:30:00-05:00", "impact": "High"} | changes
    return {key: value for key, value in event.items() if value is not None}


def from_json(document: Any) -> NewsCalendar:
    return read_calendar(json.dumps(document).encode(), "feed", NOW_NS)


def event(*lines: str) -> bytes:
    body = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(body).encode()


def from_icalendar(*lines: str) -> NewsCalendar:
    return read_calendar(event(*lines), "feed.ics", NOW_NS)


def test_a_list_of_events_is_a_calendar_of_their_days() -> None:
    calendar = from_json([row(date="2026-11-21T00:00:00Z", country="All", impact="Low"), row()])
    assert [(item.time_ns, item.currency, item.impact, item.title) for item in calendar.items] == [
        (AT_NS, "USD", Impact.HIGH, "Payrolls"),
        (AT_NS + int(10.5 * 3_600) * SECOND_NS, "ALL", Impact.LOW, "Payrolls"),
    ]
    midnight = AT_NS // DAY_NS * DAY_NS
    assert (calendar.covers_from_ns, calendar.covers_until_ns) == (midnight, midnight + 2 * DAY_NS)
    assert calendar.as_of_ns == NOW_NS


def test_a_table_may_say_what_it_covers_and_when_it_was_made() -> None:
    document = {
        "events": [row()],
        "as_of": "2026-11-19T00:00:00Z",
        "from": "2026-11-16T00:00:00Z",
        "to": AT.isoformat(),
    }
    calendar = from_json(document)
    assert calendar.as_of_ns == AT_NS - 37 * 3_600 * SECOND_NS - 1_800 * SECOND_NS
    assert calendar.covers_until_ns == AT_NS
    assert calendar.covers_from_ns < AT_NS - 4 * DAY_NS


def test_a_calendar_is_never_younger_than_when_it_was_got() -> None:
    assert from_json({"events": [row()], "as_of": "2027-01-01T00:00:00Z"}).as_of_ns == NOW_NS


@pytest.mark.parametrize(
    ("impact", "expected"),
    [
        ("high", Impact.HIGH),
        ("Medium", Impact.MEDIUM),
        ("LOW", Impact.LOW),
        ("Holiday", Impact.NONE),
        (2, Impact.MEDIUM),
    ],
)
def test_an_impact_is_a_word_or_a_number(impact: Any, expected: Impact) -> None:
    assert from_json([row(impact=impact)]).items[0].impact == expected


@pytest.mark.parametrize("impact", [None, ""])
def test_an_event_that_does_not_say_how_much_it_matters_counts_as_high(impact: Any) -> None:
    assert from_json([row(impact=impact)]).items[0].impact == Impact.HIGH
    assert from_icalendar("DTSTART:20261120T133000Z", "SUMMARY:USD Payrolls").items[0].impact == Impact.HIGH


MALFORMED = {
    "no JSON": (b"<html>503</html>", "neither JSON nor iCalendar"),
    "cut short": (json.dumps([row()]).encode()[:-5], "neither JSON nor iCalendar"),
    "not UTF-8": (b'["\xff\xfe"]', "neither JSON nor iCalendar"),
    "a bottomless list": (b"[" * 100_000, "neither JSON nor iCalendar"),
    "a number": (b"3", "no list of events"),
    "a table without events": (b"{}", "no list of events"),
    "events that are no list": (b'{"events": {}}', "no list of events"),
    "an event that is no table": (b"[3]", "event 1 is not a table"),
    "no date": (json.dumps([row(), row(date=None)]).encode(), "event 2 has no 'date'"),
    "no country": (json.dumps([row(country=None)]).encode(), "event 1 has no 'country'"),
    "a country's code": (json.dumps([row(country="US")]).encode(), "'US' is not a currency"),
    "a country's name": (json.dumps([row(country="Japan")]).encode(), "'Japan' is not a currency"),
    "a number for a currency": (json.dumps([row(country=840)]).encode(), "840 is not a currency"),
    "an unknown impact": (json.dumps([row(impact="huge")]).encode(), "'huge' is not an impact"),
    "an impact of 7": (json.dumps([row(impact=7)]).encode(), "7 is not an impact"),
    "an impact of true": (json.dumps([row(impact=True)]).encode(), "True is not an impact"),
    "a date that is none": (json.dumps([row(date="tomorrow")]).encode(), "'tomorrow' is not a time"),
    "a date that is a number": (json.dumps([row(date=1_763_645_400)]).encode(), "1763645400 is not a time"),
    "a year that cannot be": (json.dumps([row(date="9999-01-01T00:00:00Z")]).encode(), "the year 9999"),
    "an end before its start": (
        json.dumps({"events": [row()], "from": "2026-11-21T00:00:00Z", "to": "2026-11-20T00:00:00Z"}).encode(),
        "'from' is not before 'to'",
    ),
    "iCalendar cut short": (event("DTSTART:20261120T133000Z", "SUMMARY:USD x")[:60], "not valid iCalendar"),
    "iCalendar without a start": (event("SUMMARY:USD x"), "event 1 has no DTSTART"),
    "iCalendar with a broken start": (event("DTSTART:2026garbage", "SUMMARY:USD x"), "not valid iCalendar"),
    "iCalendar that repeats": (
        event("DTSTART:20261120T133000Z", "RRULE:FREQ=DAILY", "SUMMARY:USD x"),
        "repeats itself",
    ),
    "iCalendar without a currency": (event("DTSTART:20261120T133000Z", "SUMMARY:Payrolls"), "names 0 currencies"),
    "iCalendar with two currencies": (event("DTSTART:20261120T133000Z", "CATEGORIES:USD,EUR"), "names 2 currencies"),
    "iCalendar with a priority of 12": (
        event("DTSTART:20261120T133000Z", "SUMMARY:USD x", "PRIORITY:12"),
        "PRIORITY 12",
    ),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_calendar_is_refused_in_one_line(content: bytes, message: str) -> None:
    with pytest.raises(CalendarError, match=message) as caught:
        read_calendar(content, "feed", NOW_NS)
    assert caught.value.verdict == NewsVerdict.CALENDAR_MALFORMED
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("feed: ")


LOCAL = {
    "JSON": json.dumps([row(date="2026-11-20T08:30:00")]).encode(),
    "JSON, a day": json.dumps([row(date="2026-11-20")]).encode(),
    "JSON, its own date": json.dumps({"events": [row()], "as_of": "2026-11-20T08:30:00"}).encode(),
    "iCalendar, floating": event("DTSTART:20261120T083000", "SUMMARY:USD x"),
    "iCalendar, a zone that nobody knows": event("DTSTART;TZID=Nowhere/Land:20261120T083000", "SUMMARY:USD x"),
    "iCalendar, a day": event("DTSTART;VALUE=DATE:20261120", "SUMMARY:USD x"),
}


@pytest.mark.parametrize("content", LOCAL.values(), ids=list(LOCAL))
def test_a_time_that_does_not_say_where_it_is_is_refused(content: bytes) -> None:
    with pytest.raises(CalendarError, match="does not say in which time zone; write it in UTC") as caught:
        read_calendar(content, "feed", NOW_NS)
    assert caught.value.verdict == NewsVerdict.CALENDAR_IN_LOCAL_TIME


EMPTY = {
    "nothing": b"",
    "blanks": b" \r\n",
    "no events in JSON": b"[]",
    "no events in a table": b'{"events": []}',
    "no events in iCalendar": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "only a cancelled one": event("DTSTART:20261120T133000Z", "SUMMARY:USD x", "STATUS:CANCELLED"),
}


@pytest.mark.parametrize("content", EMPTY.values(), ids=list(EMPTY))
def test_an_empty_calendar_is_no_calendar(content: bytes) -> None:
    with pytest.raises(CalendarError) as caught:
        read_calendar(content, "feed", NOW_NS)
    assert caught.value.verdict == NewsVerdict.CALENDAR_EMPTY


@pytest.mark.parametrize(
    "start",
    [
        "DTSTART:20261120T133000Z",
        "DTSTART;TZID=America/New_York:20261120T083000",
        "DTSTART;TZID=Asia/Tokyo:20261120T223000",
    ],
)
def test_icalendar_says_where_its_times_are(start: str) -> None:
    assert from_icalendar(start, "SUMMARY:USD: Non-\r\n Farm Payrolls").items[0].time_ns == AT_NS


@pytest.mark.parametrize(
    ("lines", "currency", "impact"),
    [
        (("SUMMARY:USD: Payrolls",), "USD", Impact.HIGH),
        (("SUMMARY:[jpy] Rate", "PRIORITY:5"), "JPY", Impact.MEDIUM),
        (("SUMMARY:EUR CPI", "PRIORITY:9"), "EUR", Impact.LOW),
        (("SUMMARY:EUR CPI", "PRIORITY:4"), "EUR", Impact.HIGH),
        (("SUMMARY:The Fed speaks", "CATEGORIES:USD,Low"), "USD", Impact.LOW),
        (("SUMMARY:The Fed speaks", "CATEGORIES:Low", "CATEGORIES:USD,High"), "USD", Impact.HIGH),
        (("SUMMARY:All markets closed", "PRIORITY:0"), "ALL", Impact.HIGH),
    ],
)
def test_icalendar_carries_currency_and_impact(lines: tuple[str, ...], currency: str, impact: Impact) -> None:
    item = from_icalendar("DTSTART:20261120T133000Z", *lines).items[0]
    assert (item.currency, item.impact) == (currency, impact)


def test_a_day_off_of_little_impact_is_left_out() -> None:
    body = event("DTSTART;VALUE=DATE:20261126", "SUMMARY:USD Thanksgiving", "CATEGORIES:Holiday")
    both = body.replace(
        b"END:VCALENDAR", b"BEGIN:VEVENT\r\nDTSTART:20261120T133000Z\r\nSUMMARY:USD x\r\nEND:VEVENT\r\nEND:VCALENDAR"
    )
    assert [item.title for item in read_calendar(both, "feed", NOW_NS).items] == ["USD x"]


def test_a_byte_order_mark_is_no_matter() -> None:
    assert len(read_calendar(b"\xef\xbb\xbf" + json.dumps([row()]).encode(), "feed", NOW_NS).items) == 1
    marked = b"\xef\xbb\xbf" + event("DTSTART:20261120T133000Z", "SUMMARY:USD x")
    assert len(read_calendar(marked, "feed", NOW_NS).items) == 1


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1971, 1, 2), datetime(2199, 12, 30))  # noqa: DTZ001  # The zone comes apart.


@given(st.lists(st.tuples(moments, offsets), min_size=1, max_size=10))
def test_every_offset_comes_out_as_the_same_moment(found: list[tuple[datetime, timezone]]) -> None:
    aware = [moment.replace(tzinfo=zone) for moment, zone in found]
    calendar = from_json([row(date=moment.isoformat()) for moment in aware])
    exact = sorted((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for moment in aware)
    assert [item.time_ns for item in calendar.items] == [microseconds * 1000 for microseconds in exact]
    assert all(calendar.covers_from_ns <= item.time_ns < calendar.covers_until_ns for item in calendar.items)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_bytes_raise_anything_but_a_calendar_error(content: bytes) -> None:
    for document in (content, b"BEGIN:VCALENDAR\r\n" + content, event("DTSTART:20261120T133000Z") + content):
        with suppress(CalendarError):
            read_calendar(document, "feed", NOW_NS)


@given(
    st.lists(
        st.sampled_from([
            "DTSTART",
            "SUMMARY",
            "PRIORITY",
            "CATEGORIES",
            "STATUS",
            ";TZID=",
            "=",
            ":",
            ",",
            "20261120T133000Z",
            "USD",
            "\r\n",
            "RRULE",
            "BEGIN:VALARM",
            "END:VALARM",
            "\\",
            '"',
            "-1",
        ]),
        max_size=20,
    )
)
def test_no_icalendar_raises_anything_but_a_calendar_error(pieces: list[str]) -> None:
    with suppress(CalendarError):
        read_calendar(event("".join(pieces)), "feed", NOW_NS)
