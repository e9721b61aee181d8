"""Something that listens on this machine until it is told to stop: its first line, its certificate, its view."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from ballast.model.errors import OutputError

if TYPE_CHECKING:
    from ssl import SSLContext

NAMES = ("DNS:localhost", "IP:127.0.0.1", "DNS:*.bybit.com", "DNS:*.mexc.com")
"""Whom the certificate is for: this machine, and the venues' names for who resolves them to it."""
Line = dict[str, Any]
Watch = Callable[[Line], Awaitable[None]]


class Server(Protocol):
    """Whatever listens on a port."""

    port: int

    async def start(self, port: int = 0, tls: SSLContext | None = None) -> None:
        """Listen on ``port``, 0 for any that is free."""

    async def stop(self) -> None:
        """Stop listening."""

    async def failed(self) -> None:
        """Wait until it fails."""


def serve(
    server: Server, port: int, ready: Callable[[int], Line], *, tls: bool = False, watch: Watch | None = None
) -> None:
    """
    Listen until SIGINT or SIGTERM.

    Parameters
    ----------
    server : Server
    port : int
        0 for any that is free.
    ready : callable
        Makes the line that is printed when it listens, of the port.
    tls : bool
        Encrypt, with a certificate of this run; the line then names its file, and addresses say so.
    watch : callable, optional
        Shows what happens, where standard error is a terminal.

    Raises
    ------
    OutputError
        The port is taken, or there is nobody to make a certificate.
    """
    import asyncio

    import uvloop

    async def run(directory: Path) -> None:
        import signal

        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        certificate = _certificate(directory) if tls else None
        try:
            await server.start(port, None if certificate is None else _context(certificate))
        except OSError as error:
            raise OutputError(f"--port {port}: cannot listen there ({error.strerror}); choose another, or 0") from None
        line = ready(server.port)
        if certificate is not None:
            line = _encrypted(line) | {"ca_file": str(certificate)}
        typer.echo(json.dumps(line))
        waits = [asyncio.ensure_future(server.failed()), asyncio.ensure_future(stop.wait())]
        if watch is not None and sys.stderr.isatty():
            waits.append(asyncio.ensure_future(watch(line)))
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            await server.stop()

    with (
        tempfile.TemporaryDirectory(prefix="ballast-") as name,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(run(Path(name)))


def _encrypted(line: Line) -> Line:
    """Return a ready line whose addresses are those of encrypted connections."""
    text = re.sub(r'"(http|ws)://', r'"\1s://', json.dumps(line))
    return dict(json.loads(text))


def _certificate(directory: Path) -> Path:
    """Make a certificate for this machine, its own authority, beside its key; return its file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise OutputError(
            "--tls: the program openssl makes the certificate and is not here; install it, or leave --tls"
        )
    path = directory / "certificate.pem"
    command = [
        *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", "30", "-subj", "/CN=Ballast local exchange", "-keyout", str(directory / "key.pem")),
        *("-out", str(path), "-addext", f"subjectAltName={','.join(NAMES)}"),
        *("-addext", "keyUsage=critical,digitalSignature,keyCertSign"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # Of our own words.
    if done.returncode != 0:
        raise OutputError(f"--tls: openssl made no certificate ({done.stderr.strip()[-100:]!r}); leave --tls out")
    return path


def _context(certificate: Path) -> SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context
