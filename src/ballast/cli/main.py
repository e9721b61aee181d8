"""
``ballast``: the commands, their errors and their exit codes.

0 is success, 1 something that went wrong while running, 2 input that cannot be used, 130 an interruption. Every
command loads what it needs when it runs, so that help is there at once.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ballast import __version__
from ballast.cli.backtest import backtest
from ballast.cli.data import data_app
from ballast.cli.demo import demo
from ballast.cli.exchange import exchange
from ballast.cli.help import command, show_help
from ballast.cli.inspect import doctor, strategies
from ballast.cli.ladder import ladder
from ballast.cli.sete import sete
from ballast.cli.survive import survive
from ballast.cli.sweep import sweep
from ballast.model.errors import ConfigError, DataError, Error, OutputError, RejectedByVenue

_DEBUG_VARIABLE = "BALLAST_DEBUG"
# What somebody typed, or a file that somebody gave, is at fault.
_BAD_INPUT = (ConfigError, DataError, OutputError, RejectedByVenue)
# Click is a part of some versions of Typer and a library beside others.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="ballast",
    help="Backtest trading strategies on recorded markets, with the engine that trades them.\n\n"
    "Start with 'ballast demo': it makes a market, runs a strategy on it and shows the report.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    _debug: Annotated[bool, typer.Option("--debug", help=f"Show tracebacks, as {_DEBUG_VARIABLE}=1 does.")] = False,
) -> None:
    if version:
        typer.echo(f"ballast {__version__}")
    else:
        show_help(context)


command(
    app,
    backtest,
    "ballast backtest cascade.toml",
    "ballast backtest cascade.toml --set strategy.upside_threshold=0.3 --report out.html",
)
command(
    app,
    sweep,
    "ballast sweep cascade.toml --grid strategy.upside_threshold=0.2:0.6:0.05",
    "ballast sweep cascade.toml --grid strategy.sell_percentage=0.1,0.2 --grid execution.slippage_bps=5,10,20",
)
app.add_typer(data_app, name="data")
command(app, strategies, "ballast strategies", "ballast strategies cascade")
command(
    app,
    sete,
    "ballast sete --profits 0.56,0.34,0.88,0.64,1.10",
    "ballast sete --profits 0.56,0.34,0.88,0.64,1.10 --mode literal --closed-loop",
)
command(app, ladder, "ballast ladder", "ballast ladder --profile documented --prove")
command(
    app,
    survive,
    "ballast survive grid.toml",
    "ballast survive grid.toml --html survival.html --paths 10000 --horizon 7d,30d",
)
command(
    app,
    exchange,
    "ballast exchange",
    "ballast exchange grid.toml --clock 60x --port 8801",
)
command(app, demo, "ballast demo", "ballast demo --directory somewhere")
command(app, doctor, "ballast doctor")


def main() -> None:
    """Run the command line that the process was started with, and exit."""
    # Start-up makes a million objects that live as long as the process; looking through them again and
    # again for garbage is a sixth of its time.
    gc.set_threshold(200_000, 20, 50)
    code = run(sys.argv[1:])
    # Nor are they worth a last look at the door.
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; what goes wrong is one line on standard error."""
    try:
        code = app(list(arguments), prog_name="ballast", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except _UsageError as error:
        return _failed(_usage(error), 2)
    except Error as error:
        _show_traceback(arguments)
        return _failed(str(error), 2 if isinstance(error, _BAD_INPUT) else 1)
    except Exception as error:  # noqa: BLE001  # Whatever it is, the user gets a line and a way to see more.
        _show_traceback(arguments)
        words = " ".join(str(error).split())
        return _failed(
            f"unexpected {type(error).__name__}: {words or 'no message'}; {_DEBUG_VARIABLE}=1 shows where it happened",
            1,
        )
    if code == 130:
        return _failed("interrupted", 130)
    return int(code or 0)


def _usage(error: Any) -> str:
    words = error.format_message().rstrip(".")
    where = "ballast" if error.ctx is None else error.ctx.command_path
    return f"{words}; see '{where} --help'"


def _failed(message: str, code: int) -> int:
    from ballast.logs.escaping import escaped

    # A message repeats what files say: it stays on its line, and a terminal does nothing that they ask.
    print(f"error: {escaped(message)}", file=sys.stderr)  # noqa: T201
    return code


def _show_traceback(arguments: Sequence[str]) -> None:
    """Print where it happened, if somebody asked for that."""
    if "--debug" in arguments or os.environ.get(_DEBUG_VARIABLE, "") not in {"", "0"}:
        import traceback

        traceback.print_exc()
