"""``ballast backtest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ballast.cli.outputs import refuse_overwriting, refuse_unwritable
from ballast.cli.terminal import console, late_progress

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="SECTION.KEY=VALUE", help="Put a setting, a TOML value, over the file's. Repeatable."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]


def backtest(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.toml", help="Configuration; docs/configuration.md has the keys.")
    ],
    settings: Settings = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", metavar="OUT.json", help="Write the result with all fills and equity.")
    ] = None,
    report_path: Annotated[
        Path | None, typer.Option("--report", metavar="OUT.html", help="Write the report, one page that opens offline.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Run a strategy over recorded bars and show how it did."""
    refuse_unwritable(json_path, report_path)

    from ballast.backtest.run import run
    from ballast.backtest.setup import setup_from_config
    from ballast.cli.market import frames_of
    from ballast.config import load

    config = load(file, settings or ())
    refuse_overwriting(file, config, json_path, report_path)
    setup = setup_from_config(config, frames_of(config))
    with late_progress("Backtest", quiet=quiet) as progress:
        result = run(setup, with_exits=report_path is not None, progress=progress)
    if json_path is not None:
        result.to_json(json_path)
    if report_path is not None:
        from ballast.research.report import write_report

        write_report(result, report_path)
    if not quiet:
        terminal = console()
        result.print(terminal)
        for what, path in (("Result", json_path), ("Report", report_path)):
            if path is not None:
                terminal.print(f"{what}: {path}", soft_wrap=True)
