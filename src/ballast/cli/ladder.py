"""``ballast ladder``: the risk ladder as a table and a diagram, and the search for what is wrong with it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ballast.cli.outputs import refuse_overwriting, refuse_unwritable
from ballast.cli.terminal import console, late_progress
from ballast.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, RenderableType
    from rich.table import Table

    from ballast.cli.ladder_chart import Rung
    from ballast.risk.proof import Proof

STYLES = {"NORMAL": "green", "FROZEN": "blue", "PANIC": "dark_orange", "EMERGENCY": "red", "HALTED": "bright_black"}
_VERDICTS = {"passes": "green", "if affordable": "yellow", "refused": "red"}
_USUAL_LADDERS = 415
"""About how many ladders the safe profile can come to; what progress is measured by."""


class ShownProfile(StrEnum):
    """A profile that has a ladder to show."""

    safe = "safe"
    documented = "documented"


def ladder(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.toml]", help="Show the ladder of this configuration.")
    ] = None,
    profile: Annotated[
        ShownProfile | None, typer.Option("--profile", help="Show a profile with its defaults: safe or documented.")
    ] = None,
    svg_path: Annotated[Path | None, typer.Option("--svg", metavar="OUT.svg", help="Write the diagram.")] = None,
    html_path: Annotated[
        Path | None, typer.Option("--html", metavar="OUT.html", help="Write the diagram and all thresholds.")
    ] = None,
    is_proved: Annotated[
        bool, typer.Option("--prove", help="Search every situation for a way in which the ladder fails.")
    ] = False,
) -> None:
    """Show the risk ladder: what passes in which state, what moves it, and whether it can be trusted."""
    refuse_unwritable(svg_path, html_path)

    from ballast.cli.ladder_chart import rungs

    settings, has_margin = _settings(file, profile, svg_path, html_path)
    shown = rungs(settings, has_margin=has_margin)
    terminal = console()
    for part in _parts(shown, settings, has_margin):
        terminal.print(part)
        terminal.print()
    _write(shown, settings, has_margin, svg_path, html_path)
    for what, path in (("Diagram", svg_path), ("Page", html_path)):
        if path is not None:
            terminal.print(f"{what}: {path}", soft_wrap=True)
    if is_proved:
        _show_proof(terminal, _proved(settings))


def _settings(file: Path | None, profile: ShownProfile | None, *outputs: Path | None) -> tuple[Any, bool]:
    """Return the settings that are asked for, and whether the account has margin."""
    from ballast.risk.settings import Profile, risk_settings

    if file is None:
        chosen = Profile[(profile or ShownProfile.safe).value.upper()]
        return risk_settings({"profile": int(chosen)}, has_margin=True), True
    if profile is not None:
        raise ConfigError(f"--profile {profile.value}: {file} names its own profile; give one of the two")
    from ballast.config import load
    from ballast.config.risk import risk_settings_of

    config = load(file)
    refuse_overwriting(file, config, *outputs)
    settings = risk_settings_of(config)
    if settings.profile == Profile.OFF:
        raise ConfigError(f'{file}: risk.profile = "off" has no ladder to show; use "safe" or "documented"')
    return settings, config.account.is_margin


def _parts(shown: Sequence[Rung], settings: Any, has_margin: bool) -> Iterator[RenderableType]:
    from rich.text import Text

    from ballast.cli.ladder_chart import MEANINGS, warnings
    from ballast.risk.settings import Profile

    name = Profile(int(settings.profile)).name.lower()
    yield Text.assemble(("The risk ladder", "bold"), f", profile {name}")
    yield from _diagram(shown)
    yield _passes(shown)
    yield Text("\n").join(Text.assemble((f"{kind:13}", "bold"), meaning) for kind, meaning in MEANINGS.items())
    if has_margin:
        yield Text(
            "A is what is available for trading beside the reserve, N what the next steps of all legs would cost in "
            "margin. If affordable: A as it would be afterwards covers the panic threshold of N as it would be; "
            "above NORMAL, the order costs no more than balancing may spend.",
            style="dim",
        )
    else:
        yield Text("An account without margin: its margin rungs are absent, and nothing is gated.", style="dim")
    yield _thresholds(settings)
    for warning in warnings(settings) if has_margin else ():
        yield Text(f"! {warning}", style="bold red")


def _diagram(shown: Sequence[Rung]) -> Iterator[RenderableType]:
    """Yield the ladder from its highest rung down, with what leads up and down between the rungs."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    pieces: list[RenderableType] = []
    for rung in reversed(shown):
        style = STYLES[rung.state.name]
        title = Text.assemble((rung.state.name, f"bold {style}"), (f"   the engine {rung.does}", "dim"))
        pieces.append(Panel(title, border_style=style, padding=(0, 1)))
        if not rung.enters:
            continue
        ways = Table.grid(padding=(0, 3), expand=True)
        ways.add_column(ratio=1)
        ways.add_column(ratio=1)
        ways.add_row(_marked(rung.enters, "▲", style), _marked(rung.leaves, "▼", "green"))
        pieces.append(ways)
    yield Group(*pieces)


def _marked(sentences: Sequence[str], mark: str, style: str) -> Table:
    """Return sentences below each other, each with its mark, continued lines in line with the first."""
    from rich.table import Table
    from rich.text import Text

    listing = Table.grid(padding=(0, 1))
    for sentence in sentences:
        listing.add_row(Text(f"  {mark}", style=f"bold {style}"), sentence)
    return listing


def _passes(shown: Sequence[Rung]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from ballast.cli.ladder_chart import KINDS

    table = Table("state", *KINDS, title="What passes", title_justify="left", title_style="bold")
    for rung in shown:
        verdicts = [Text(verdict, style=_VERDICTS[verdict]) for verdict in rung.passes]
        table.add_row(Text(rung.state.name, style=f"bold {STYLES[rung.state.name]}"), *verdicts)
    return table


def _thresholds(settings: Any) -> Table:
    from rich.table import Table

    from ballast.cli.ladder_chart import thresholds

    table = Table(title="Thresholds in force", title_justify="left", title_style="bold")
    for heading, justify in (("key", "left"), ("value", "right"), ("unit", "left"), ("meaning", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for key, value, unit, meaning in thresholds(settings):
        table.add_row(key, value, unit, meaning.replace("`", ""))
    return table


def _write(
    shown: Sequence[Rung], settings: Any, has_margin: bool, svg_path: Path | None, html_path: Path | None
) -> None:
    from ballast.cli.ladder_picture import page, picture
    from ballast.files.durable import write_whole

    for path, draw in ((svg_path, picture), (html_path, page)):
        if path is not None:
            write_whole(path, [draw(shown, settings, has_margin=has_margin).encode()])


def _proved(settings: Any) -> Proof:
    from ballast.risk.proof import prove

    with late_progress("Search", quiet=False) as progress:
        if progress is None:
            return prove(settings)
        return prove(settings, lambda done, waiting: progress(done / max(done + waiting, _USUAL_LADDERS)))


def _show_proof(terminal: Console, proof: Proof) -> None:
    from rich.text import Text

    from ballast.risk.proof import Duty

    terminal.print(
        Text.assemble(("Proof", "bold"), f": {proof.n_moves:,} moves from {proof.n_ladders:,} ladders, all there are")
    )
    for duty in Duty:
        found = proof.counter_examples.get(duty)
        mark = ("  ✓ ", "bold green") if found is None else ("  ✗ ", "bold red")
        terminal.print(Text.assemble(mark, duty.value))
        if found is not None:
            for number, step in enumerate(found.steps, 1):
                terminal.print(Text(f"      {number}. {step}", style="dim"), soft_wrap=True)
            terminal.print(Text(f"      {found.fault}", style="red"), soft_wrap=True)
