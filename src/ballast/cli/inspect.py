"""``ballast strategies`` and ``ballast doctor``: what is there, and whether it works."""

from __future__ import annotations

from typing import Annotated

import typer

from ballast.cli.terminal import console


def strategies(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show this strategy's settings.")] = None,
) -> None:
    """List the strategies, or show what can be set on one of them."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from ballast.config.reference import parameter_rows, summary
    from ballast.strategies.registry import BUILT_IN, load

    terminal = console()
    if name is None:
        listing = Table.grid(padding=(0, 2))
        for built_in in BUILT_IN:
            listing.add_row(Text(built_in, style="bold"), summary(load(built_in)))
        terminal.print(listing)
        terminal.print(Text("Settings of one: ballast strategies NAME", style="dim"))
        return
    strategy = load(name)
    terminal.print(Text.assemble((strategy.name, "bold"), f": {summary(strategy)}"))
    for row in parameter_rows(strategy.parameters):
        accepts = f"{row.accepts} ({row.unit})" if row.unit else row.accepts
        terminal.print()
        terminal.print(Text.assemble((row.key, "bold"), f" = {row.default}   ", (accepts, "dim")))
        terminal.print(Padding(Text(row.meaning), (0, 0, 0, 4)))


def doctor() -> None:
    """Examine this machine: what works, and what is missing for what."""
    from ballast.cli.doctor import exit_code, render, report

    checks = report()
    render(checks, console())
    raise typer.Exit(exit_code(checks))
