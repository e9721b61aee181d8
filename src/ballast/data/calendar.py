"""
The economic calendar: where it comes from, and the one copy that every symbol is judged by.

A source that fails leaves the last good calendar in force until it is too old; what was wrong is kept as a reason code.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ballast.config.operator_sections import NewsSection
from ballast.data.calendar_formats import CalendarError, read_calendar
from ballast.files.durable import replacing
from ballast.logs.redaction import is_sensitive
from ballast.model.durations import DAY_NS, MINUTE_NS
from ballast.model.errors import ConfigError, DataError, OutputError
from ballast.model.ports import NewsCalendar, NewsSource
from ballast.risk.news import (
    CalendarState,
    NewsVerdict,
    Release,
    bits_of,
    calendar_state,
    currency_bits,
    releases_of,
)

LARGEST_BYTES = 8 << 20
REFRESH_NS = 15 * MINUTE_NS


@dataclass(frozen=True)
class FileCalendar:
    """A calendar in a file, JSON or iCalendar. Its age is the file's, unless the calendar says that it is older."""

    path: Path

    async def calendar(self, now_ns: int) -> NewsCalendar:  # noqa: ARG002  # The file has a clock of its own.
        """Read the file; raises ``CalendarError``."""
        content, changed_ns = await asyncio.to_thread(_read, self.path)
        return read_calendar(content, str(self.path), changed_ns)


@dataclass
class FeedCalendar:
    """
    A calendar behind a URL, JSON or iCalendar.

    Parameters
    ----------
    url : str
        https, or http on this machine; without a user name or password.
    cache : Path, optional
        Where the last good answer is kept, so that a restart finds it. Its age goes on counting.
    timeout_s : float
        For the whole answer.

    Raises
    ------
    ConfigError
        The URL is none of these.
    """

    url: str
    cache: Path | None = None
    timeout_s: float = 10.0
    _has_been_asked: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        _check_url(self.url)

    async def calendar(self, now_ns: int) -> NewsCalendar:
        """Fetch it; if the very first attempt fails, return the cached one. Raises ``CalendarError``."""
        is_first, self._has_been_asked = not self._has_been_asked, True
        try:
            content = await self._fetched()
            found = read_calendar(content, self._origin, now_ns)
        except CalendarError:
            cached = await asyncio.to_thread(self._cached) if is_first else None
            if cached is None:
                raise
            return cached
        if self.cache is not None:
            await asyncio.to_thread(_keep, self.cache, content, now_ns)
        return found

    @property
    def _origin(self) -> str:
        """The URL without its query, which may hold a key."""
        return self.url.partition("?")[0]

    async def _fetched(self) -> bytes:
        import aiohttp

        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout_s)) as session,
                session.get(self.url, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise _missing(f"{self._origin}: answered {answer.status}; check the URL")
                # One byte more than allowed tells that there is more.
                content = bytearray()
                async for chunk in answer.content.iter_chunked(1 << 16):
                    content += chunk
                    if len(content) > LARGEST_BYTES:
                        raise _too_large(self._origin)
                return bytes(content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _missing(f"{self._origin}: cannot be fetched ({type(error).__name__}); check the network") from None

    def _cached(self) -> NewsCalendar | None:
        if self.cache is None:
            return None
        try:
            content, changed_ns = _read(self.cache)
            return read_calendar(content, str(self.cache), changed_ns)
        except CalendarError:
            return None


@dataclass
class NewsDesk:
    """
    The calendar in force, as the filter takes it: one for all symbols.

    Hand ``releases``, ``state`` and ``currencies[symbol]`` to ``news_verdict``.

    Parameters
    ----------
    source : NewsSource
    followed : sequence of sets of currencies
        What each symbol follows, in the order of the symbols; see ``currencies_of``.
    refresh_ns : int
        Time between two attempts to get the calendar.
    recorded : (int, int), optional
        The calendar is one of past days and is complete from the first time, inclusive, to the second, exclusive. It
        is read once, and its age says nothing.
    """

    source: NewsSource
    followed: Sequence[Collection[str]]
    refresh_ns: int = REFRESH_NS
    recorded: tuple[int, int] | None = None
    releases: Any = field(init=False)
    state: Any = field(init=False)
    currencies: tuple[int, ...] = field(init=False)
    _calendar: NewsCalendar | None = field(init=False, default=None)
    _next_ns: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._bits = currency_bits(self.followed)
        self.currencies = tuple(bits_of(names, self._bits) for names in self.followed)
        self.releases = Release.array(0)  # type: ignore[attr-defined]
        self.state = CalendarState.new()  # type: ignore[attr-defined]

    async def refresh(self, now_ns: int) -> str | None:
        """Get the calendar if it is time to; return what was wrong, in one line, or None."""
        if now_ns < self._next_ns:
            return None
        self._next_ns = now_ns + self.refresh_ns
        try:
            calendar = await self.source.calendar(now_ns)
        except DataError as error:
            self.state.fault = error.verdict if isinstance(error, CalendarError) else NewsVerdict.CALENDAR_MISSING
            return str(error)
        self._take(calendar)
        return None

    def _take(self, calendar: NewsCalendar) -> None:
        if self.recorded is not None:
            calendar = replace(calendar, covers_from_ns=self.recorded[0], covers_until_ns=self.recorded[1])
            self._next_ns = 2**62
        elif self._calendar is not None:
            calendar = _joined(self._calendar, calendar)
        self._calendar = calendar
        self.releases = releases_of(calendar, self._bits)
        self.state = calendar_state(calendar, is_recorded=self.recorded is not None)


def _joined(old: NewsCalendar, new: NewsCalendar) -> NewsCalendar:
    """Return the new calendar with the day before it, if the old one knows it: midnight hides no release."""
    from_ns = max(old.covers_from_ns, new.covers_from_ns - DAY_NS)
    if not from_ns < new.covers_from_ns <= old.covers_until_ns:
        return new
    kept = tuple(item for item in old.items if from_ns <= item.time_ns < new.covers_from_ns)
    return replace(new, items=kept + new.items, covers_from_ns=from_ns)


def _read(path: Path) -> tuple[bytes, int]:
    """Return what a file holds and when it was last changed, ns since 1970."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
            changed_ns = os.fstat(file.fileno()).st_mtime_ns
    except OSError as error:
        raise _missing(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from None
    if len(content) > LARGEST_BYTES:
        raise _too_large(str(path))
    return content, changed_ns


def _keep(path: Path, content: bytes, now_ns: int) -> None:
    # A copy that cannot be kept must not cost the calendar that is in hand.
    with suppress(OutputError), replacing(path) as scratch:
        scratch.write_bytes(content)
        os.utime(scratch, ns=(now_ns, now_ns))


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    if not is_safe or not parts.hostname:
        raise ConfigError(f"news.calendar = '{url[:60]}': expected an https URL or the path of a file")
    if parts.username is not None or parts.password is not None:
        raise ConfigError("news.calendar: the URL holds a user name or password; no secret may stand in the file")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if is_sensitive(name):
            raise ConfigError(
                f"news.calendar: the URL holds {name}; no secret may stand in the file, whose settings results repeat; "
                "fetch the calendar into a file and name that"
            )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _missing(message: str) -> CalendarError:
    return CalendarError(message, NewsVerdict.CALENDAR_MISSING)


def _too_large(origin: str) -> CalendarError:
    return CalendarError(
        f"{origin}: larger than {LARGEST_BYTES >> 20} MiB; check its source", NewsVerdict.CALENDAR_MALFORMED
    )


def desk_of(
    section: NewsSection, symbols: Sequence[str], directory: Path, cache: Path | None = None
) -> NewsDesk | None:
    """
    Return the calendar that ``[news]`` asks for; None where it names none, so that there is no filter.

    ``directory`` is where the path of a file starts; ``cache`` keeps the last good answer of a URL. Raises
    ``ConfigError`` for a URL that is not safe.
    """
    if section.calendar is None:
        return None
    is_url = "://" in section.calendar
    source: NewsSource = (
        FeedCalendar(section.calendar, cache)
        if is_url
        else FileCalendar(directory / Path(section.calendar).expanduser())
    )
    refresh_ns = section.refresh_minutes * MINUTE_NS
    return NewsDesk(source, section.followed(symbols), refresh_ns, section.recorded)
