"""How commands explain themselves: docstring, then examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer


def command(app: typer.Typer, function: Callable[..., Any], *examples: str, name: str | None = None) -> None:
    """Register a function as a command; its help ends with the examples."""
    # The mark \b keeps the lines of a paragraph apart.
    lines = "\n".join(f"  {example}" for example in examples)
    epilog = f"\b\nExample{'s' * (len(examples) > 1)}:\n{lines}"
    app.command(name=name, epilog=epilog)(function)


def show_help(context: typer.Context) -> None:
    """Print a group's help if it was called without a command."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
