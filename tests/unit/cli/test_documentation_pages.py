"""The page of commands is that of the repository and leaves none out; one command writes all generated pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ballast.cli.documentation import commands_page, pages
from tests.architecture.sources import PACKAGE, ROOT


def test_the_page_of_commands_is_the_one_that_is_generated() -> None:
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == commands_page(), "run 'make docs'"


def test_every_command_and_option_is_there() -> None:
    text = commands_page()
    for part in ("## `ballast backtest`", "## `ballast data download`", "## `ballast doctor`"):
        assert part in text
    assert "| `--json OUT.json` | Write the result with all fills and equity. |  |" in text
    assert "| `FILE.toml` | Configuration; docs/configuration.md has the keys. | must be given |" in text
    assert "$ ballast backtest cascade.toml\n" in text


def test_the_module_writes_all_pages(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ballast.cli.documentation", str(tmp_path)]
    subprocess.run(command, check=True, cwd=PACKAGE.parent)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == pages()
