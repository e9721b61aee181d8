from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ballast.files.durable import replacing, write_whole
from ballast.model.errors import OutputError


def test_the_file_is_there_after_the_block_in_a_directory_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "new/file.txt"
    with replacing(path) as scratch:
        scratch.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def interrupted() -> None:
        with replacing(path) as scratch:
            scratch.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(
            OutputError, match=r"file/x\.parquet: cannot be written \(.*\); make room or choose another path"
        ),
        replacing(tmp_path / "file/x.parquet") as scratch,
    ):
        scratch.write_text("never")


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to("elsewhere/file.txt")
    write_whole(link, [b"content"])
    assert link.is_symlink()
    assert (tmp_path / "elsewhere/file.txt").read_bytes() == b"content"
    assert [entry.name for entry in (tmp_path / "elsewhere").iterdir()] == ["file.txt"]


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, [b"one ", b"two"])
    reader.join()
    assert received == [b"one two"]
    assert pipe.is_fifo()


def test_nothing_takes_the_place_of_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match=r"pipe: is a device or a pipe; name a file"), replacing(pipe):
        pass
    assert list(tmp_path.iterdir()) == [pipe]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from ballast.data.sample import Market, write_sample
from ballast.model.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write_sample(Path(sys.argv[1]), Market(days=2))
except OutputError as error:
    print(error)
"""


def test_a_full_disk_is_an_output_error_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sample.parquet"
    run = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=False)
    assert run.stdout.startswith(f"{path}: cannot be written ("), run.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_what_stood_there(tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    target.write_text("before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OutputError, match="File too large"):
            write_whole(target, [b"x" * 600, b"y" * 600])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
