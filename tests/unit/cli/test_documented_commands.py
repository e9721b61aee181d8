"""Every example and every command that the documentation shows runs as it is shown."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from pyarrow import csv
from pyarrow import parquet as pq

from ballast.cli.main import run
from ballast.data.sample import Market, sample_table
from tests.judges.exchanges import running

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
BESIDE_EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(path: Path) -> list[str]:
    """Return the commands in a page's code blocks, or in the comments of an example."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines() if path.suffix == ".toml" else "\n".join(BLOCK.findall(text)).splitlines()
    return [line.lstrip("#$ ").partition(" #")[0].strip() for line in lines if re.match(r"[#$ ]*ballast [a-z]", line)]


SHOWN = [
    pytest.param(command, id=f"{path.name}: {command}") for path in [*PAGES, *EXAMPLES] for command in commands(path)
]


@pytest.fixture(scope="module")
def sample_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample") / "catalog"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BALLAST_CATALOG", str(root))
        assert run(["data", "sample"]) == 0
    return root


@pytest.fixture
def workplace(sample_catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a directory that has the examples, a sample market in a catalog, and a file of made-up trades."""
    for file in [*EXAMPLES, *BESIDE_EXAMPLES]:
        shutil.copy(file, tmp_path)
    shutil.copytree(sample_catalog, tmp_path / "catalog")
    assert run(["data", "sample-trades", str(tmp_path / "trades.parquet")]) == 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path / "catalog"))
    return tmp_path


def write_bars(directory: Path, words: list[str]) -> None:
    """Write the file that a command reads, with the columns that it says the file has."""
    pairs = (word.split("=") for word in words if "=" in word)
    renames = {ours: theirs for theirs, ours in pairs}
    table = sample_table(Market(days=1, symbols=1, interval_ms=300_000))
    table = table.rename_columns([renames.get(name, name) for name in table.column_names])
    for word in words:
        if word.endswith(".parquet"):
            pq.write_table(table, directory / word)
        if word.endswith(".csv"):
            csv.write_csv(table.drop_columns("symbol"), directory / word)


def write_recording(path: Path) -> None:
    """Write a session without clients, or by its name a message of a book."""
    if path.name.startswith("session"):
        with running("--record", str(path)):
            return
    path.write_bytes(gzip.compress(b'{"topic":"orderbook.500.AAAUSDT","ts":1,"data":{}}'))


@pytest.mark.parametrize("command", SHOWN)
def test_a_command_that_is_shown_runs(command: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, *words = shlex.split(command)
    assert program == "ballast"
    if words[:2] == ["data", "download"]:
        pytest.skip("asks a venue; its options are tested against a server on this machine")
    if words[:2] in (["data", "import"], ["data", "check"]):
        write_bars(workplace, words)
    if "--replay" in words:
        write_recording(Path(words[words.index("--replay") + 1]))
    if words[0] == "exchange":
        with running(*words[1:]) as ready:
            assert ready["symbols"]
        return
    if words[0] == "survive":
        # Thousands of paths take a minute, and say no more about whether the command runs; the last number counts.
        words += ["--paths", "10"]
    code = run(words)
    assert code == 0, capsys.readouterr().err


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs_and_trades(example: Path, workplace: Path) -> None:
    assert run(["backtest", str(workplace / example.name), "--quiet", "--json", "out.json"]) == 0
    assert json.loads(Path("out.json").read_text(encoding="utf-8"))["n_fills"] > 0


def test_the_grid_survives_what_its_bolder_sister_does_not(workplace: Path) -> None:
    """As ``grid.toml`` says of more levels and twice the leverage."""
    bolder = ["--set", "strategy.max_grid_levels_per_side=7", "--set", "account.leverage=10"]
    closed = []
    for settings in ([], bolder):
        assert run(["survive", "grid.toml", "--paths", "0", "--quiet", "--json", "out.json", *settings]) == 0
        found = json.loads(Path("out.json").read_text(encoding="utf-8"))
        closed.append([found[f"max_adverse_move_{way}"]["emergency"] for way in ("up", "down")])
    assert closed[0] == [None, None]
    assert all(0.2 < move < 1.0 for move in closed[1])


def test_there_is_something_to_show() -> None:
    assert len(EXAMPLES) >= 2
    assert len(SHOWN) >= 30
