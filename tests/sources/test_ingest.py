"""Ingest: cells, files and line numbers as in the source, parts that do not matter, failures that say why."""

import csv
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stages.sources import csv_rows, frames, read_source
from stages.sources.frames import File
from stages.sources.text import read_csv_file
from stages.table.parts import list_parts, read_part, write_part
from stages.utils.config import Source
from stages.utils.errors import SettingsError, SourceError
from stages.utils.metrics_files import SourceFile
from tests.helpers.in_process import run_stage
from tests.helpers.project import Project
from tests.helpers.reading import nothing_read, read

TABLE = "data/source/table.csv"


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with an empty data/source/."""
    (tmp_path / "data/source").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_text(content: str | bytes, name: str = "table.csv", **source: str) -> pd.DataFrame:
    """The whole table of a text file."""
    path = Path("data/source", name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(str(path), **source)


def read_arrow(table: pa.Table) -> pd.DataFrame:
    """The whole table of a Parquet file."""
    pq.write_table(table, "data/source/table.parquet")
    return read("data/source/table.parquet")


def cells(frame: pd.DataFrame) -> list[list[Any]]:
    """The cells without the columns that the pipeline adds."""
    return frame[[name for name in frame.columns if not name.startswith("_")]].to_numpy().tolist()


def problems(frame: pd.DataFrame) -> list[str | None]:
    """The problem of each row."""
    return [None if pd.isna(problem) else problem for problem in frame["_problem"]]


# ---------------------------------------------------------------- CSV


def test_quotes_line_breaks_and_blank_lines(workdir: Path) -> None:
    frame = read_text('name,note\nA,"one, two"\n\n\nB,"first\nsecond\n\nlast"\nC,"say ""hi"""\nD,5" pipe\n')
    assert cells(frame) == [["A", "one, two"], ["B", "first\nsecond\n\nlast"], ["C", 'say "hi"'], ["D", '5" pipe']]
    assert frame["_line"].tolist() == [2, 5, 9, 10]
    assert frame["_file"].tolist() == [TABLE] * 4
    assert problems(frame) == [None] * 4


@pytest.mark.parametrize(
    ("name", "text", "blank"),
    [
        ("table.csv", "a,b\n1,2\n\n,\n , \n3,4\n\n", 4),
        ("table.csv", 'a,b\n1,"x\n\ny"\n3,\n', 0),  # lines of one cell, and a cell that is missing
        ("table.jsonl", '\n{"a": 1}\n  \n{"a": null}\n', 2),
    ],
)
def test_blank_rows_are_left_out_and_counted(workdir: Path, name: str, text: str, blank: int) -> None:
    metrics = nothing_read()
    Path("data/source", name).write_text(text)
    assert (len(read(f"data/source/{name}", metrics)), metrics.blank_rows) == (2, blank)


def test_the_share_that_has_been_read_is_known(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all the files together, whatever their format."""
    monkeypatch.setattr(frames, "BATCH_ROWS", 50)
    table = pd.DataFrame({"x": range(100)})
    for name, write in {"csv": lambda path: table.to_csv(path, index=False), "parquet": table.to_parquet}.items():
        for number in range(2):
            write(f"data/source/{number}.{name}")
        metrics = nothing_read()
        shares = [metrics.share for _ in read_source(Source(uri=f"data/source/*.{name}"), metrics)]
        assert shares == sorted(shares)
        assert 0 < shares[0] <= 0.5, name
        assert shares[-1] == 1


def test_line_numbers_do_not_depend_on_the_batches(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'a,b\r\n1,"x\r\ny"\r\n\r\n2,"z"\r\n\r\n3,"p\r\n\r\nq"\r\n4,r\r\n'
    whole = read_text(text)
    assert whole["_line"].tolist() == [2, 5, 7, 10]
    for size in (1, 2, 3, 5, 8, 13, 21):
        monkeypatch.setattr(csv_rows, "BLOCK", size)
        pd.testing.assert_frame_equal(read(), whole)


@pytest.mark.parametrize(
    ("text", "source", "names", "expected", "lines"),
    [
        ('a,b,c\n 1 ,007,1e5\nNA,null,True\n"",,2020-01-01\n', {}, "abc",
         [[" 1 ", "007", "1e5"], ["NA", "null", "True"], ["", "", "2020-01-01"]], [2, 3, 4]),
        *[("\ufeff a ,\tb\r\n1,2\r\n", {"encoding": name}, "ab", [["1", "2"]], [2])
          for name in ("utf-8", "UTF8", "utf_8")],
        *[("größe,x\né,ß\n".encode(name), {"encoding": name}, ["größe", "x"], [["é", "ß"]], [2])
          for name in ("latin-1", "cp1252", "utf-16", "utf-8")],
        ("a,, \n1,2,3\n", {}, ["a", "column_2", "column_3"], [["1", "2", "3"]], [2]),
        ("a;b\n1,5;2\n", {"delimiter": ";"}, "ab", [["1,5", "2"]], [2]),
        ("a\tb\n1,5\t2\n", {"name": "table.tsv"}, "ab", [["1,5", "2"]], [2]),
        ("a|b\n1|2\n", {"name": "TABLE.CSV", "delimiter": "|"}, "ab", [["1", "2"]], [2]),
        ("\n\na,b\n1,2\n", {}, "ab", [["1", "2"]], [4]),
    ],
)  # fmt: skip
def test_csv(
    workdir: Path, text: str | bytes, source: dict[str, str], names: list[str], expected: list[Any], lines: list[int]
) -> None:
    """Cells are text as written, whatever the encoding, the separator and the header."""
    frame = read_text(text, **source)
    assert frame.columns.tolist() == [*names, "_file", "_line", "_problem"]
    assert cells(frame) == expected
    assert {str(frame[name].dtype) for name in names} == {"str"}
    assert frame["_line"].tolist() == lines


def test_ragged_rows_are_kept_and_marked(workdir: Path) -> None:
    frame = read_text("a,b,c\n1,2,3\n4,5\n6,7,8,9\n10\n11,12,13\n")
    assert cells(frame) == [["1", "2", "3"], ["4", "5", ""], ["6", "7", "8"], ["10", "", ""], ["11", "12", "13"]]
    expected = [None, "2 cells, the header has 3", "4 cells, the header has 3", "1 cells, the header has 3", None]
    assert problems(frame) == expected


@pytest.mark.parametrize("name", ["table (1).csv", "table[1].csv", "what?.csv", "größe.csv"])
def test_file_names_that_look_like_patterns(workdir: Path, name: str) -> None:
    frame = read_text("a,b\n1,2\n", name=name)
    assert frame["_file"].tolist() == [f"data/source/{name}"]


def test_an_absolute_path_is_not_written_into_the_table(workdir: Path) -> None:
    Path(TABLE).write_text("a,b\n1,2\n")
    frame = read(str(Path(TABLE).resolve()))
    assert frame["_file"].tolist() == [TABLE]


def read_file(path: Path, **source: str) -> tuple[pd.DataFrame, int]:
    """The rows of a CSV file whose header is `a,b`, and how many blank ones were left out."""
    metrics = nothing_read()
    file = File(path, "csv", SourceFile(name=path.name, bytes=0, sha256=""), path, "")
    none = csv_rows.csv_frame([], ["a", "b"], path.name)
    frames_read = read_csv_file(file, Source(uri=path.name, **source), metrics)
    return pd.concat([none, *frames_read], ignore_index=True), metrics.blank_rows


def rows_by_csv_module(text: str) -> tuple[list[csv_rows.Row], int, str | None]:
    """The rows after the header with the lines that they start on, the number of blank ones, and the error."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[csv_rows.Row] = []
    line, blank = 1, 0
    try:
        for row in reader:
            if len(row) == 1 or any(map(str.strip, row)):
                rows.append((line, row))
            else:
                blank += 1
            line = reader.line_num + 1
    except csv.Error as error:
        return [], 0, f"line {reader.line_num}: {error};"
    return rows[1:], blank, None


odd = st.sampled_from(
    [*'ab,"\t\r\n\0é\ufeff\x1c\u2028', ',"', '",', '"\n', '\n"', '""', " , \n", "1\n", "1,2,3\n", "\r\n"]
)
usual = st.sampled_from(["1,2\n", '"x ""y""",\r\n', '"p\r\nq","\n"\n', "é, \n"])
csv_texts = st.lists(odd | st.lists(usual, min_size=1, max_size=9).map("".join), max_size=25).map("".join)


@hypothesis_settings(max_examples=60, deadline=None)
@given(csv_texts, st.sampled_from([16, 60, 1 << 22]), st.sampled_from(["utf-8", "utf-16"]))
def test_arrow_reads_what_the_csv_module_reads(
    tmp_path_factory: pytest.TempPathFactory, text: str, block: int, encoding: str
) -> None:
    """Cells, lines, problems, blank rows and errors, whatever the text and wherever a block of it ends."""
    path = tmp_path_factory.getbasetemp() / "odd.csv"
    path.write_bytes(("a,b\n" + text).encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "BLOCK", block)
        rows, blank, error = rows_by_csv_module("a,b\n" + text)
        if error:
            with pytest.raises(SourceError, match=re.escape(f"odd.csv: {error}")):
                read_file(path, encoding=encoding)
            return
        frame, blank_found = read_file(path, encoding=encoding)
    pd.testing.assert_frame_equal(frame, csv_rows.csv_frame(rows, ["a", "b"], "odd.csv"))
    assert blank_found == blank


def test_arrow_reads_blocks_without_oddities(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those blocks go to the csv module that hold something odd."""
    by_csv_module: list[int] = []

    def noted(text: csv_rows.Text, most: int | None = None) -> list[csv_rows.Row]:
        if text.unread:
            by_csv_module.append(text.line)
        return csv_rows.rows_of(text, most)

    monkeypatch.setattr(csv_rows, "BLOCK", 1000)
    monkeypatch.setattr("stages.sources.text.rows_of", noted)
    usual_rows = '1,"x, ""y"""\r\n2,"p\nq"\r\n\r\n , \r\n3\r\n4,5,6\r\n' * 100
    frame = read_text("a,b\r\n" + usual_rows + '7,5" pipe\r\n' + usual_rows)
    assert len(frame) == 801
    header, odd_block = by_csv_module
    assert header == 1
    assert 500 < odd_block <= 702


# ---------------------------------------------------------------- other sources


def test_parquet_keeps_types_and_counts_rows(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = pa.array([18262, None, 18264, 18265, 18266], pa.date32())
    table = pa.table({"x": [1.5, None, 3.0, 4.0, 5.0], "n": [1, 2, 3, 4, 5], "s": ["a", "", None, "b", "c"], "d": days})
    monkeypatch.setattr(frames, "BATCH_ROWS", 2)
    frame = read_arrow(table)
    assert frame["_line"].tolist() == [1, 2, 3, 4, 5]
    assert frame["_file"].unique().tolist() == ["data/source/table.parquet"]
    assert problems(frame) == [None] * 5
    assert frame["n"].dtype == "int64"
    assert frame["x"].dtype == "float64"
    assert frame["s"].tolist()[:2] == ["a", ""]
    assert frame["s"].isna().tolist() == [False, False, True, False, False]
    assert [str(day) for day in frame["d"].dropna()] == ["2020-01-01", "2020-01-03", "2020-01-04", "2020-01-05"]


def test_parquet_index_is_a_column(workdir: Path) -> None:
    """A named index that pandas wrote is a column of the file like any other (a range is not: it is no column)."""
    pd.DataFrame({"id": [7, 3, 5], "x": [1.0, 2.0, 3.0]}).set_index("id").to_parquet("data/source/table.parquet")
    frame = read("data/source/table.parquet")
    assert sorted(frame.columns[:2]) == ["id", "x"]
    assert frame["id"].tolist() == [7, 3, 5]


def test_unnamed_parquet_columns_are_numbered(workdir: Path) -> None:
    frame = read_arrow(pa.table({"a": [1], "b": [2]}).rename_columns(["a", ""]))
    assert frame.columns[:2].tolist() == ["a", "column_2"]


def test_several_files_in_the_order_of_their_names(workdir: Path) -> None:
    for name, value in (("b.csv", 2), ("a.csv", 1), ("deep/c.csv", 3)):
        Path("data/source", name).parent.mkdir(exist_ok=True)
        Path("data/source", name).write_text(f"x,y\n{value},0\n{value}0,0\n")
    Path("data/source/other.txt").write_text("no table")
    frame = read("data/source/*.csv")
    assert frame["x"].tolist() == ["1", "10", "2", "20"]
    assert frame["_file"].tolist() == ["data/source/a.csv"] * 2 + ["data/source/b.csv"] * 2
    assert frame["_line"].tolist() == [2, 3, 2, 3]
    assert read("data/source/**/*.csv")["x"].tolist() == ["1", "10", "2", "20", "3", "30"]


def test_scikit_learn_in_natural_units(workdir: Path) -> None:
    frame = read("sklearn://diabetes")
    assert len(frame) == 442
    assert frame.columns[:11].tolist() == ["age", "sex", "bmi", "bp", *(f"s{i}" for i in range(1, 7)), "target"]
    assert frame.loc[0, ["age", "sex", "bmi", "bp", "target"]].tolist() == [59.0, 2.0, 32.1, 101.0, 151.0]
    assert frame["_line"].tolist() == list(range(1, 443))
    assert frame["_file"].unique().tolist() == ["sklearn://diabetes"]


# ---------------------------------------------------------------- the stage


def run_ingest(folder: Path, uri: str, part_rows: int = 2, **source: str) -> "CompletedProcess[str]":
    """Run the stage in a folder; `source` holds further keys of config.yaml's section."""
    config = {"source": {"uri": uri, **source}, "compute": {"part_rows": part_rows}}
    (folder / "config.yaml").write_text(json.dumps(config))
    return run_stage("ingest", folder, dict(os.environ))


def digests(folder: Path) -> dict[str, str]:
    """The digests of the parts of data/raw."""
    return {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in (folder / "data/raw").iterdir()}


def leftovers(folder: Path) -> list[str]:
    """The files that unfinished runs left in data/."""
    return sorted(path.name for path in (folder / "data").glob(".partial*"))


def damaged_parquet() -> bytes:
    """A Parquet file with a damaged page: its footer is whole."""
    buffer = io.BytesIO()
    pq.write_table(pa.table({"x": [1, 2, 3], "s": ["a", "b", "c"]}), buffer, compression="gzip")
    content = bytearray(buffer.getvalue())
    content[20:32] = bytes(12)
    return bytes(content)


SETTINGS, SOURCE = SettingsError.exit_code, SourceError.exit_code
OPEN_QUOTE = b'a,b\n1,2\n3,"x\n' + b"4,y\n" * 20
PLAIN = b"a,b\n1,2\n"
# source.uri (data/source/ is put before a relative one): exit code, words of the message, files, other keys of source
Failures = dict[str, tuple[int, list[str], dict[str, bytes], dict[str, str]]]
FAILURES: Failures = {
    "god.csv": (SOURCE, ["god.csv: no such file", "did you mean data/source/good.csv?"], {}, {}),
    "none/*.csv": (SOURCE, ["data/source/none/*.csv: no such file"], {}, {}),
    "empty.csv": (SOURCE, ["empty.csv: the file is empty"], {"empty.csv": b""}, {}),
    "blank.csv": (SOURCE, ["blank.csv: the file is empty"], {"blank.csv": b"\n\r\n\n"}, {}),
    "header.csv": (SOURCE, ["header.csv: found a header and no rows"], {"header.csv": b"a,b\n\n"}, {}),
    "twice.csv": (SOURCE, ["twice.csv", "columns 1 and 3", "'a'"], {"twice.csv": b"a,b, a\n1,2,3\n"}, {}),
    "own.csv": (SOURCE, ["own.csv", "'_line'", "rename it"], {"own.csv": b"a,_line\n1,2\n"}, {}),
    "bad.csv": (SOURCE, ["bad.csv", "byte 0xe9", "not utf-8", "latin-1"], {"bad.csv": b"a,b\n1,\xe9\n"}, {}),
    "16.csv": (SOURCE, ["16.csv", "utf-16", "source.encoding"], {"16.csv": PLAIN}, {"encoding": "utf-16"}),
    "9.csv": (SETTINGS, ["config.yaml: source.encoding", "'utf-9'"], {"9.csv": PLAIN}, {"encoding": "utf-9"}),
    "open.csv": (SOURCE, ["open.csv", "line", "quote"], {"open.csv": OPEN_QUOTE}, {}),
    "endless.csv": (SOURCE, ["endless.csv: line", "quote"], {"endless.csv": b'a,b\n1,"' + b"x" * 200_000}, {}),
    "/etc/hosts": (SETTINGS, ["config.yaml: source.uri", "'/etc/hosts'", "data/source/"], {}, {}),
    "../../params.yaml": (SETTINGS, ["config.yaml: source.uri", "data/source/"], {}, {}),
    "s4://b/k": (SETTINGS, ["config.yaml: source.uri", "'s4://b/k'", "s4:// is not a known", "sklearn://"], {}, {}),
    "skleran://diabetes": (SETTINGS, ["skleran://", "did you mean sklearn?"], {}, {}),
    "sklearn://diabets": (SETTINGS, ["'diabets'", "did you mean diabetes?"], {}, {}),
    "book.xlsx": (SOURCE, ["book.xlsx", ".xlsx", ".csv, .tsv, .parquet"], {"book.xlsx": b"PK"}, {}),
    "no_type": (SOURCE, ["no_type", "(none)", ".csv, .tsv, .parquet"], {"no_type": b"a\n1\n"}, {}),
    "broken.parquet": (
        SOURCE,
        ["broken.parquet: not readable"],
        {"broken.parquet": b"PAR1 and no more"},
        {},
    ),
    "zero.parquet": (SOURCE, ["zero.parquet: not readable as Parquet"], {"zero.parquet": b""}, {}),
    "page.parquet": (
        SOURCE,
        ["page.parquet: not readable", "again"],
        {"page.parquet": damaged_parquet()},
        {},
    ),
    "differ/*.csv": (
        SOURCE,
        ["data/source/differ/b.csv", "data/source/differ/a.csv", "c, d"],
        {"differ/a.csv": b"a,c\n1,2\n3,4\n5,6\n", "differ/b.csv": b"a,d\n1,2\n"},
        {},
    ),
    "order/*.csv": (
        SOURCE,
        ["data/source/order/b.csv", "b, a"],
        {"order/a.csv": PLAIN, "order/b.csv": b"b,a\n1,2\n"},
        {},
    ),
}


@pytest.mark.parametrize("uri", FAILURES)
def test_failure(workdir: Path, uri: str) -> None:
    """One clear line, the exit code of its kind, and the table of the last good run is still there."""
    code, words, files, source = FAILURES[uri]
    for name, content in {"good.csv": b"a,b\n1,2\n3,4\n5,6\n", **files}.items():
        Path("data/source", name).parent.mkdir(exist_ok=True)
        Path("data/source", name).write_bytes(content)
    assert run_ingest(workdir, "data/source/good.csv").returncode == 0
    good = digests(workdir)
    assert sorted(good) == ["part-00000.parquet", "part-00001.parquet"]
    failed = run_ingest(workdir, uri if "://" in uri or uri.startswith("/") else f"data/source/{uri}", **source)
    assert failed.returncode == code, failed.stderr
    (line,) = failed.stderr.splitlines()
    assert line.startswith("ingest    ")
    assert "Traceback" not in line
    for word in words:
        assert word in line
    assert digests(workdir) == good
    assert leftovers(workdir) == []


def test_failure_of_the_command(project: Project) -> None:
    """As DVC runs it: the exit code and the line are the process's own, and nothing was written."""
    project.edit("config.yaml", source__uri="data/source/none.csv")
    done = project.stage("ingest", in_process=False)
    assert (done.returncode, done.stdout) == (3, "")
    expected = "ingest    data/source/none.csv: no such file; put it there or correct config.yaml: source.uri"
    assert done.stderr.splitlines() == [expected]
    assert not (project.path / "data/raw").exists()


def test_part_rows_never_change_the_table(workdir: Path) -> None:
    """Whatever the source; and the same settings give the same bytes."""
    rows = [f'{number},"line {number}\nof two",{"" if number % 3 else number}' for number in range(100)]
    Path(TABLE).write_text("a,b,c\n" + "\n".join(rows) + "\n1,2\n")
    typed = pd.DataFrame({"n": pd.array([1, None, 3, None, None], "Int64"), "s": ["a", None, "", "b", None]})
    pd.concat([typed] * 10).reset_index(drop=True).to_parquet("data/source/typed.parquet")
    for uri, length in ((TABLE, 101), ("data/source/typed.parquet", 50), ("sklearn://diabetes", 442)):
        tables, bytes_of_parts = [], []
        for part_rows in (250_000, 33, 33, 17):
            assert run_ingest(workdir, uri, part_rows).returncode == 0
            bytes_of_parts.append(digests(workdir))
            assert len(bytes_of_parts[-1]) == -(-length // part_rows)
            tables.append(pd.concat(map(read_part, list_parts("data/raw")), ignore_index=True))
            assert len(tables[-1]) == length
            pd.testing.assert_frame_equal(tables[-1], tables[0], check_dtype=False)
        assert bytes_of_parts[1] == bytes_of_parts[2]


@pytest.mark.parametrize("change", ["grows", "is cut short", "is deleted", "is replaced"])
def test_a_source_that_changes_while_it_is_read(workdir: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Its hash would not be that of the rows: one line, the old table stays, and the next run takes the new file."""
    table = Path(TABLE)
    table.write_text("a,b\n1,2\n")
    assert run_ingest(workdir, TABLE).returncode == 0
    before = digests(workdir)

    def write_meanwhile(frame: pd.DataFrame, directory: Path, name: int) -> None:
        if name == 0:
            content = table.read_text()
            if change in ("is deleted", "is replaced"):
                table.unlink()
            if change != "is deleted":
                table.write_text(
                    {"grows": content * 2, "is cut short": content[: len(content) // 2]}.get(change, content)
                )
        write_part(frame, directory, name)

    table.write_text("a,b\n" + "3,4\n" * 10_000)
    monkeypatch.setattr(csv_rows, "BLOCK", 1000)
    with monkeypatch.context() as patch:
        patch.setattr("stages.ingest.write_part", write_meanwhile)
        failed = run_ingest(workdir, TABLE, part_rows=100)
    assert failed.returncode == SOURCE
    (line,) = failed.stderr.splitlines()
    assert line.startswith(f"ingest    {TABLE}: the file changed while it was read; run again")
    assert (digests(workdir), leftovers(workdir)) == (before, [])
    table.write_text("a,b\n5,6\n")
    assert run_ingest(workdir, TABLE).returncode == 0


def test_kill_9_in_the_middle(project: Project) -> None:
    """The last good table survives, and the next run removes what the killed one left."""
    (project.path / TABLE).write_text("a,b\n1,2\n")
    project.edit("config.yaml", source__uri=TABLE, compute__part_rows=500)
    project.stages("ingest")
    before = digests(project.path)
    assert list(before) == ["part-00000.parquet"]

    (project.path / TABLE).write_text("a,b\n" + "3,4\n" * 1_000_000)
    process = subprocess.Popen([sys.executable, "-m", "stages.ingest"], cwd=project.path, stderr=subprocess.DEVNULL)
    under_way = project.path / "data/.partial.raw/part-00001.parquet"
    end = time.monotonic() + 60
    while not under_way.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert under_way.exists()
    assert digests(project.path) == before
    assert leftovers(project.path) == [".partial.raw"]

    (project.path / TABLE).write_text("a,b\n5,6\n7,8\n")
    project.stages("ingest")
    assert project.frame("data/raw")["a"].tolist() == ["5", "7"]
    assert leftovers(project.path) == []
