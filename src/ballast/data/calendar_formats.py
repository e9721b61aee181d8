"""
Reading an economic calendar: JSON or iCalendar, told apart by content.

Times must say where they are: an offset, ``Z``, or a time zone that is known. One without is refused, because nobody
can tell which hour it means. An event that does not say how much it matters counts as high.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ballast.model.durations import DAY_NS
from ballast.model.errors import DataError
from ballast.model.ports import ALL_CURRENCIES, Impact, NewsCalendar, NewsItem
from ballast.risk.news import NewsVerdict
from ballast.risk.symbol_policy import FIAT

_LONGEST_TITLE = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR = 2200
_IMPACTS = {
    "high": Impact.HIGH,
    "medium": Impact.MEDIUM,
    "moderate": Impact.MEDIUM,
    "low": Impact.LOW,
    "none": Impact.NONE,
    "holiday": Impact.NONE,
    "non-economic": Impact.NONE,
}


class CalendarError(DataError):
    """A calendar that cannot be used; ``verdict`` is the reason code that the filter gives for it."""

    def __init__(self, message: str, verdict: NewsVerdict) -> None:
        super().__init__(message)
        self.verdict = verdict


def read_calendar(content: bytes, origin: str, as_of_ns: int) -> NewsCalendar:
    """
    Return the calendar that ``content`` holds.

    JSON is a list of events, or a table with ``events`` and optionally ``as_of``, ``from`` and ``to``. An event has
    ``date`` (or ``time``), ``country`` (or ``currency``), and optionally ``impact`` and ``title``. In iCalendar the
    currency and the impact stand in CATEGORIES; without them, the currency begins the SUMMARY and PRIORITY is the
    impact. A calendar that does not say what it covers covers the UTC days from its first event to its last.

    Parameters
    ----------
    content : bytes
    origin : str
        Where it came from, for messages.
    as_of_ns : int
        When it was got. The calendar's own ``as_of`` counts if it is earlier.

    Raises
    ------
    CalendarError
        It is empty, malformed, or in local time; the message names the first such event, counted from 1.
    """
    if not content.strip():
        raise CalendarError(f"{origin}: the calendar is empty; fetch it again", NewsVerdict.CALENDAR_EMPTY)
    header: Mapping[str, Any] = {}
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].upper() == b"BEGIN:VCALENDAR":
        items = list(_from_icalendar(content, origin))
    else:
        header, rows = _json_rows(content, origin)
        items = [_from_row(row, f"{origin}: event {number}") for number, row in enumerate(rows, start=1)]
    if not items:
        raise CalendarError(f"{origin}: the calendar holds no events; check its source", NewsVerdict.CALENDAR_EMPTY)
    items.sort(key=lambda item: item.time_ns)
    stated = {key: _utc_ns(header[key], f"{origin}: '{key}'") for key in ("as_of", "from", "to") if key in header}
    calendar = NewsCalendar(
        items=tuple(items),
        as_of_ns=min(as_of_ns, stated.get("as_of", as_of_ns)),
        covers_from_ns=stated.get("from", items[0].time_ns // DAY_NS * DAY_NS),
        covers_until_ns=stated.get("to", (items[-1].time_ns // DAY_NS + 1) * DAY_NS),
    )
    if calendar.covers_from_ns >= calendar.covers_until_ns:
        raise _malformed(f"{origin}: 'from' is not before 'to'; correct the file")
    return calendar


def _malformed(message: str) -> CalendarError:
    return CalendarError(message, NewsVerdict.CALENDAR_MALFORMED)


def _json_rows(content: bytes, origin: str) -> tuple[Mapping[str, Any], list[Any]]:
    import msgspec

    try:
        document = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(f"{origin}: neither JSON nor iCalendar ({error}); check its source") from None
    header = document if isinstance(document, dict) else {}
    rows = header.get("events") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise _malformed(f"{origin}: no list of events; write a list, or a table with 'events'")
    return header, rows


def _from_row(row: Any, where: str) -> NewsItem:
    if not isinstance(row, dict):
        raise _malformed(f"{where} is not a table; give each event a date, a country and an impact")
    moment = row.get("date", row.get("time"))
    currency = row.get("country", row.get("currency"))
    title = row.get("title", "")
    if moment is None or currency is None:
        lacking = "date" if moment is None else "country"
        raise _malformed(f"{where} has no '{lacking}'; give each event a date, a country and an impact")
    impact = _impact(row.get("impact"), where)
    return NewsItem(_utc_ns(moment, where), _currency(currency, where), impact, str(title)[:_LONGEST_TITLE])


def _currency(value: Any, where: str) -> str:
    text = value.strip().upper() if isinstance(value, str) else ""
    if text == ALL_CURRENCIES or re.fullmatch(r"[A-Z]{3}", text):
        return text
    raise _malformed(f"{where}: {_shown(value)} is not a currency; write its three letters, such as USD, or All")


def _impact(value: Any, where: str) -> Impact:
    if value is None or value == "":
        return Impact.HIGH
    if isinstance(value, str) and value.strip().lower() in _IMPACTS:
        return _IMPACTS[value.strip().lower()]
    if isinstance(value, int) and not isinstance(value, bool) and value in set(Impact):
        return Impact(value)
    raise _malformed(f"{where}: {_shown(value)} is not an impact; write high, medium, low or none")


def _utc_ns(value: Any, where: str) -> int:
    """Return a moment, or its ISO text, as ns since 1970 UTC; refuses what does not say where it is."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise _malformed(f"{where}: {_shown(value)} is not a time; write it like 2026-11-20T13:30:00Z")
    if moment.utcoffset() is None:
        raise CalendarError(
            f"{where}: {_shown(value)} does not say in which time zone; write it in UTC, like 2026-11-20T13:30:00Z",
            NewsVerdict.CALENDAR_IN_LOCAL_TIME,
        )
    if not 1970 < moment.year < _LAST_YEAR:
        raise _malformed(f"{where}: the year {moment.year} cannot be; correct the event")
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _from_icalendar(content: bytes, origin: str) -> Iterator[NewsItem]:
    from icalendar import Calendar

    try:
        events = Calendar.from_ical(content).walk("VEVENT")
        for number, event in enumerate(events, start=1):
            item = _from_event(event, f"{origin}: event {number}")
            if item is not None:
                yield item
    except (ValueError, KeyError, AttributeError, IndexError, TypeError) as error:
        detail = " ".join(str(error).split())[:_LONGEST_TITLE]
        raise _malformed(f"{origin}: not valid iCalendar ({detail}); check its source") from None


def _from_event(event: Any, where: str) -> NewsItem | None:
    """Return what one VEVENT announces; None for what is cancelled, and for all-day events of little impact."""
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return None
    if event.get("RRULE") is not None:
        raise _malformed(f"{where} repeats itself; export each occurrence as an event of its own")
    if event.get("DTSTART") is None:
        raise _malformed(f"{where} has no DTSTART; give each event a time")
    title = str(event.get("SUMMARY", ""))[:_LONGEST_TITLE]
    groups = event.get("CATEGORIES")
    words = [str(word).strip() for group in _listed(groups) for word in group.cats]
    impact = _impact_of_event(event, words, where)
    start = event.get("DTSTART").dt
    if isinstance(start, date) and not isinstance(start, datetime) and impact < Impact.HIGH:
        return None
    if isinstance(start, date) and not isinstance(start, datetime):
        start = datetime(start.year, start.month, start.day)  # noqa: DTZ001  # A day has no zone, and is refused as such.
    return NewsItem(_utc_ns(start, where), _currency_of_event(words, title, where), impact, title)


def _listed(groups: Any) -> list[Any]:
    if groups is None:
        return []
    return groups if isinstance(groups, list) else [groups]


def _impact_of_event(event: Any, words: list[str], where: str) -> Impact:
    named = [_IMPACTS[word.lower()] for word in words if word.lower() in _IMPACTS]
    if named:
        return max(named)
    # RFC 5545, 3.8.1.9: 1 to 4 is high, 5 medium, 6 to 9 low, 0 undefined.
    priority = int(event.get("PRIORITY", 0))
    if not 0 <= priority <= 9:
        raise _malformed(f"{where}: PRIORITY {priority} is not in 0..9; correct the event")
    return Impact.HIGH if priority <= 4 else Impact.MEDIUM if priority == 5 else Impact.LOW


def _currency_of_event(words: list[str], title: str, where: str) -> str:
    known = FIAT | {ALL_CURRENCIES}
    leading = re.match(r"\W*([A-Za-z]{3})\b", title)
    found = [word.upper() for word in words if word.upper() in known]
    if not found and leading and leading[1].upper() in known:
        found = [leading[1].upper()]
    if len(set(found)) != 1:
        raise _malformed(
            f"{where} ({_shown(title)}) names {len(set(found))} currencies; put one into CATEGORIES, such as USD"
        )
    return found[0]


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, datetime) else value.isoformat()
    return text if len(text) <= 60 else text[:57] + "..."
