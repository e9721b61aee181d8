"""``ballast data``: in, out, checked, made up and downloaded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiohttp import web

from ballast.cli.main import run
from ballast.data.catalog import Catalog
from ballast.data.sample import Market, write_sample

MINUTE_MS = 60_000
START_MS = 1_777_593_600_000  # 2026-05-01


@pytest.fixture(autouse=True)
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path / "catalog"))
    return tmp_path / "catalog"


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    write_sample(tmp_path / "bars.parquet", Market(days=1, symbols=2, interval_ms=300_000))
    return tmp_path / "bars.parquet"


@contextmanager
def mexc(rows: list[list[object]]) -> Iterator[str]:
    """Serve klines as MEXC does, on the loopback interface; give the address."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    address: list[str] = []

    async def klines(request: web.Request) -> web.Response:
        start, end = int(request.query["startTime"]), int(request.query["endTime"])
        return web.json_response([row for row in rows if start <= int(str(row[0])) <= end])

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/api/v3/klines", klines)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        address.append(f"http://{host}:{port}")
        ready.set()
        await stopped.wait()
        await runner.cleanup()

    stopped = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        loop.close()


def test_an_imported_file_is_listed_and_verified(bars: Path, catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "import", str(bars), "--dataset", "made/spot"]) == 0
    assert "made/spot: " in capsys.readouterr().out
    assert run(["data", "ls"]) == 0
    assert "BLORPUSDT" in capsys.readouterr().out
    assert run(["data", "check"]) == 0
    assert capsys.readouterr().out == f"{catalog}: 2 files, each as it was written\n"


def test_the_same_file_twice_changes_nothing(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for expected in ("made/spot: ", "made/spot: 0 new of"):
        assert run(["data", "import", str(bars), "--dataset", "made/spot"]) == 0
        assert capsys.readouterr().out.startswith(expected)


def test_a_damaged_catalog_is_named(bars: Path, catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["data", "import", str(bars), "--dataset", "made/spot"])
    part = next(catalog.rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"!")
    assert run(["data", "check"]) == 2
    assert str(part) in capsys.readouterr().err


def test_an_empty_catalog_says_how_to_fill_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "ls"]) == 0
    assert "ballast data sample" in capsys.readouterr().out


def test_defects_are_refused_and_kept_on_request(
    bars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pq.read_table(bars)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), tmp_path / "doubled.parquet")
    arguments = ["data", "import", str(tmp_path / "doubled.parquet"), "--dataset", "made/spot"]
    assert run(arguments) == 2
    assert "duplicate bar at row" in capsys.readouterr().err
    assert run([*arguments, "--as-recorded"]) == 0


def test_columns_of_other_names_are_mapped(bars: Path, tmp_path: Path) -> None:
    table = pq.read_table(bars)
    one = table.slice(0, 100).drop_columns("symbol")
    pq.write_table(one.rename_columns(["when", "open", "high", "low", "close", "vol"]), tmp_path / "other.parquet")
    arguments = ["--column", "when=ts", "--column", "vol=volume", "--symbol", "XUSDT", "--interval", "5m"]
    assert run(["data", "import", str(tmp_path / "other.parquet"), "--dataset", "made/spot", *arguments]) == 0
    assert [summary.rows for summary in Catalog().summaries()] == [100]


@pytest.mark.parametrize("columns", ["when", "when=", "=ts"])
def test_a_mapping_that_is_none_is_refused(bars: Path, columns: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "import", str(bars), "--dataset", "made/spot", "--column", columns]) == 2
    assert f"--column {columns}: expected" in capsys.readouterr().err


def test_a_check_reports_a_file_or_a_dataset(bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(bars)]) == 0
    of_file = capsys.readouterr().out
    assert "gap" in of_file
    run(["data", "import", str(bars), "--dataset", "made/spot"])
    capsys.readouterr()
    assert run(["data", "check", "--dataset", "made/spot", "--symbols", "BLORPUSDT"]) == 0
    of_dataset = capsys.readouterr().out
    assert "BLORPUSDT" in of_dataset
    assert "SNORTLUSDT" not in of_dataset


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bars.parquet", "--dataset", "made/spot"], "given together with the file bars.parquet; check one of them"),
        (["missing.parquet"], "missing.parquet: no such file"),
        (["--dataset", "made/spt"], "did you mean 'made/spot'?"),
    ],
)
def test_a_check_of_nothing_is_refused(
    bars: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["data", "import", str(bars), "--dataset", "made/spot"])
    assert run(["data", "check", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_sample_goes_to_a_file_or_to_the_catalog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    market = ["--days", "1", "--symbols", "2", "--interval", "5m"]
    assert run(["data", "sample", str(tmp_path / "sample.parquet"), *market]) == 0
    assert pq.read_metadata(tmp_path / "sample.parquet").num_rows > 400
    assert run(["data", "sample", *market]) == 0
    assert run(["data", "sample", *market, "--seed", "2"]) == 0
    assert {summary.series.dataset for summary in Catalog().summaries()} == {"sample/spot"}
    assert "sample/spot" in capsys.readouterr().out


def test_history_is_downloaded_once(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[list[object]] = [
        [START_MS + k * MINUTE_MS, "1.0", "1.2", "0.9", "1.1", "5", START_MS + (k + 1) * MINUTE_MS - 1, "5.5"]
        for k in range(60)
    ]
    arguments = ["--symbols", "DOGEUSDT", "--start", "2026-05-01", "--end", "2026-05-01T01:00"]
    with mexc(rows) as address:
        for expected in ("60 new rows", "0 new rows, 0 pages"):
            assert run(["data", "download", "--venue", "mexc", "--rest-url", address, *arguments]) == 0
            assert expected in capsys.readouterr().out
    assert [summary.rows for summary in Catalog().summaries()] == [60]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--venue", "mexcc", "--symbols", "A"], "--venue mexcc: no such venue; did you mean 'mexc'?"),
        (["--venue", "mexc", "--symbols", "A", "--market", "linear"], "mexc has no such market; it has spot"),
        (["--venue", "mexc", "--symbols", "A,,B"], "--symbols A,,B: a name is missing"),
        (["--venue", "mexc", "--symbols", "A", "--start", "May"], '--start = "May": not a time'),
        (["--venue", "mexc", "--symbols", "A", "--interval", "5min"], "interval '5min'"),
    ],
)
def test_a_download_that_cannot_be_meant_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "download", *arguments]) == 2
    assert message in capsys.readouterr().err
