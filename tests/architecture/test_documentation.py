"""What the documentation shows can be done as it is shown."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from ballast import __version__
from tests.architecture.sources import PACKAGE, ROOT, run_python, shown, text_files

PAGES = [path for path in text_files() if path.suffix == ".md"]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def blocks(*languages: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for language, body in BLOCK.findall(page.read_text(encoding="utf-8")):
            if language in languages:
                yield page, body


def commands(program: str) -> set[str]:
    """Return the lines of console blocks, and of inline code, that call ``program``."""
    typed = [line.removeprefix("$ ") for _, body in blocks("console", "sh", "bash") for line in body.splitlines()]
    inline = [code for page in PAGES for code in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))]
    return {line.split("#")[0].strip() for line in typed + inline if line.startswith(f"{program} ")}


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_link_to_a_file_leads_somewhere() -> None:
    dead = [
        f"{shown(page)}: {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists()
    ]
    assert dead == []


def test_every_make_target_that_is_named_exists() -> None:
    named = {word for line in commands("make") for word in line.split()[1:] if "=" not in word}
    assert named - TARGETS == set()


def test_every_configuration_that_is_shown_is_toml() -> None:
    for page, body in blocks("toml"):
        try:
            tomllib.loads(body)
        except tomllib.TOMLDecodeError as error:
            pytest.fail(f"{shown(page)}: {error}\n{body}")


def test_every_python_example_that_is_shown_is_python() -> None:
    for page, body in blocks("python"):
        if ">>>" not in body:  # doctests are run as they stand
            # Notebooks await without a function around it.
            compile(body, f"{shown(page)} example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_every_command_that_is_shown_exists() -> None:
    """Ask each command of the documentation for its help; options are tested with the commands themselves."""
    is_word = re.compile(r"[a-z][a-z-]*").fullmatch
    for words in sorted({tuple(takewhile(is_word, line.split()[1:])) for line in commands("ballast")}):
        code = f"import sys; sys.argv = ['ballast', *{words!r}, '--help']; from ballast.cli.main import main; main()"
        done = run_python(code, PACKAGE.parent)
        assert done.returncode == 0, f"ballast {' '.join(words)}: {done.stderr or done.stdout}"
