"""
A session as JSON lines: its ready line, then every socket, request and message, in the order of their times.

A file whose name ends in ``.gz`` is compressed. While a session lasts it is called ``NAME.part``.
"""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from ballast.model.errors import DataError, OutputError

VERSION = 1


class Line(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="what", kw_only=True):
    """Something that happened ``at_us``, microseconds since the session began."""

    at_us: int = 0


class Session(Line, frozen=True, tag="session"):
    """The first line: what the exchange said when it was ready."""

    ready: dict[str, Any]
    version: int = VERSION


class Opened(Line, frozen=True, tag="open"):
    """A client opened a socket."""

    socket: int
    path: str
    query: str = ""


class Heard(Line, frozen=True, tag="in"):
    """It said something."""

    socket: int
    text: str


class Told(Line, frozen=True, tag="out"):
    """It was told something: ``text``, or ``data`` where the message was binary."""

    socket: int
    text: str = ""
    data: bytes = b""


class Closed(Line, frozen=True, tag="close"):
    """The socket was closed."""

    socket: int


class Asked(Line, frozen=True, tag="request"):
    """A REST request; headers, and with them keys and signatures, are left out."""

    request: int
    method: str
    path: str
    query: str = ""
    body: str = ""


class Answered(Line, frozen=True, tag="answer"):
    """Its answer; one that breaks off has the status 0."""

    request: int
    status: int
    headers: dict[str, str] = {}
    body: str = ""


AnyLine = Session | Opened | Heard | Told | Closed | Asked | Answered


class Recorder:
    """
    Writes a session.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OutputError
        The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        self._n_requests, self._is_open, self._has_begun = 0, True, False
        self._start_ns = time.monotonic_ns()
        self._encode = msgspec.json.Encoder().encode
        try:
            plain = self._part.open("wb")
        except OSError as error:
            raise OutputError(f"--record {path}: cannot be written ({error.strerror}); name another file") from None
        self._files: list[IO[bytes]] = [plain]
        if path.suffix == ".gz":
            # By name and time of day nothing is said, so that equal sessions make equal files.
            self._files.insert(0, cast(IO[bytes], gzip.GzipFile("", "wb", 5, plain, 0)))

    def begin(self, ready: Mapping[str, Any]) -> None:
        """Write the first line."""
        self._has_begun = True
        self._write(Session(ready=dict(ready)))

    def opened(self, socket: int, path: str, query: str) -> None:
        """Note a new socket."""
        self._write(Opened(at_us=self._now(), socket=socket, path=path, query=query))

    def heard(self, socket: int, text: str) -> None:
        """Note what a client says."""
        self._write(Heard(at_us=self._now(), socket=socket, text=text))

    def told(self, socket: int, message: bytes, *, is_binary: bool) -> None:
        """Note what a client is told."""
        at_us = self._now()
        if is_binary:
            self._write(Told(at_us=at_us, socket=socket, data=message))
        else:
            self._write(Told(at_us=at_us, socket=socket, text=message.decode()))

    def closed(self, socket: int) -> None:
        """Note the end of a socket."""
        self._write(Closed(at_us=self._now(), socket=socket))

    def asked(self, method: str, path: str, query: str, body: bytes) -> int:
        """Note a request; return its number."""
        self._n_requests += 1
        text = body.decode("utf-8", "replace")
        self._write(
            Asked(at_us=self._now(), request=self._n_requests, method=method, path=path, query=query, body=text)
        )
        return self._n_requests

    def answered(self, request: int, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Note an answer."""
        self._write(
            Answered(
                at_us=self._now(), request=request, status=status, headers=dict(headers), body=body.decode("utf-8")
            )
        )

    def end(self) -> None:
        """Give the file its name, or remove what never began; nothing is written any more."""
        if not self._is_open:
            return
        self._is_open = False
        for file in self._files:
            file.close()
        if self._has_begun:
            os.replace(self._part, self._path)
        else:
            self._part.unlink()

    def _now(self) -> int:
        return (time.monotonic_ns() - self._start_ns) // 1_000

    def _write(self, line: Line) -> None:
        if self._is_open:
            self._files[0].write(self._encode(line) + b"\n")


def read_lines(path: Path, option: str) -> list[bytes]:
    """Return the lines of a file that may be compressed; raises ``DataError``."""
    try:
        raw = path.read_bytes()
        whole = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except OSError as error:
        raise DataError(f"{option} {path}: cannot be read ({error.strerror or error}); name a capture") from None
    return [line for line in whole.split(b"\n") if line.strip()]


def is_capture(lines: list[bytes]) -> bool:
    """Tell whether these are the lines of a session."""
    try:
        return bool(lines) and msgspec.json.decode(lines[0], type=dict[str, Any]).get("what") == "session"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def read_capture(lines: list[bytes], source: str) -> tuple[Session, list[Line]]:
    """Return a session's first line, and all others; raises ``DataError``."""
    decode, read = msgspec.json.Decoder(AnyLine).decode, list[Line]()
    for number, line in enumerate(lines, 1):
        try:
            read.append(decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{source}: line {number} is none of a capture ({error}); record it anew") from None
    session = read[0]
    if not isinstance(session, Session) or session.version != VERSION:
        raise DataError(f"{source}: the capture is of another version than {VERSION}; record it anew")
    known: set[tuple[str, int]] = set()
    for number, one in enumerate(read[1:], 2):
        if isinstance(one, Opened | Asked):
            known.add(_key(one))
        elif _key(one) not in known:
            raise DataError(f"{source}: line {number} belongs to nothing that was opened or asked; record it anew")
    return session, read[1:]


def _key(line: Line) -> tuple[str, int]:
    """Return what a line belongs to: its socket or its request."""
    return ("request", line.request) if isinstance(line, Asked | Answered) else ("socket", getattr(line, "socket", 0))
