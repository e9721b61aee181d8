"""
The generated pages of the documentation, each from the declarations that the code itself obeys.

``python -m ballast.cli.documentation docs`` writes them into the directory ``docs``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

_COMMANDS = """\
# Commands

`ballast --help` lists them, and every one explains itself with `--help`. Exit code 0 is success, 1 something that went
wrong while running, 2 input that cannot be used, 130 an interruption. A message is one line on standard error;
`--debug` before the command shows where it came from. What fails or is interrupted leaves no part of a file behind.

This page is generated from the commands: `make docs` writes it.
"""


def pages() -> dict[str, str]:
    """Return the text of every generated page by its file name."""
    from ballast.config import reference
    from ballast.research.report.definitions import results_page

    return {"commands.md": commands_page(), "configuration.md": reference.page(), "results.md": results_page()}


def commands_page() -> str:
    """Return the reference of the command line as Markdown."""
    from ballast.cli.main import app

    return "\n".join([_COMMANDS, *_sections(typer.main.get_command(app), "ballast")])


def _sections(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        called = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _sections(command, called)
        else:
            yield _section(command, called)


def _section(command: Any, called: str) -> str:
    arguments = [parameter for parameter in command.params if not _is_option(parameter)]
    usage = " ".join([called, *map(_written, arguments)])
    paragraphs = [f"## `{called}`", command.help.strip(), f"`{usage}`"]
    if command.params:
        rows = ["| | meaning | default |", "|---|---|---|", *map(_row, command.params)]
        paragraphs.append("\n".join(rows))
    examples = [line.strip() for line in (command.epilog or "").splitlines() if line.startswith("  ")]
    if examples:
        paragraphs.append("\n".join(["```console", *(f"$ {example}" for example in examples), "```"]))
    return "\n\n".join(paragraphs) + "\n"


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _written(parameter: Any) -> str:
    """Return a parameter as a command line shows it."""
    if not _is_option(parameter):
        return str(parameter.metavar or parameter.name.upper())
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    return f"{parameter.opts[0]}{value}"


def _row(parameter: Any) -> str:
    if parameter.required:
        default = "must be given"
    else:
        default = "" if parameter.default in {None, False} else f"`{parameter.default}`"
    cells = (f"`{_written(parameter)}`", parameter.help or "", default)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def write(directory: Path) -> None:
    """Write every generated page into a directory."""
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
