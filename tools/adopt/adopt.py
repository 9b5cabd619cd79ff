"""The whole of an adoption, from a URI to the three files."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from stages.utils.errors import DataError, SourceError
from stages.utils.files import replacing
from stages.utils.settings import Params, Source, nearest, read
from stages.utils.sources import read_source
from stages.utils.sources.files import SOURCE_DIR, found_files
from stages.utils.sources.frames import File
from stages.utils.table_schema import INTERNAL
from tools.adopt.decide import Decision, decide, words_of
from tools.adopt.dialect import Dialect, find_dialect, find_encoding
from tools.adopt.profile import Profile, profile_table
from tools.adopt.relations import relate, schema_of
from tools.adopt.report import ask_about, show
from tools.adopt.scale import choose_scale
from tools.adopt.write import update_yaml, write_schema

BLOCK = 2 << 20  # bytes that are read at a time
MAGIC_FORMATS = {b"PAR1": "parquet", b"{": "jsonl"}


def adopt(
    uri: str,
    target: str,
    root: Path,
    query: str | None = None,
    table: str | None = None,
    ask: bool = False,
    force: bool = False,
) -> list[Decision]:
    """Look at the table that `uri` names and write config.yaml, schema.yaml and params.yaml in `root`.

    Raises:
        PipelineError: it cannot be read, or used with this target; nothing is written then.
    """
    params = read(root / "params.yaml", Params)
    source = {"uri": copied(uri), "query": query, "table": table}
    source, notes, profiles, sample = look(source, target)
    names = [profile.name for profile in profiles]
    if target not in names:
        raise DataError(f"the table has no column {target!r}{nearest(target, names)}; it has {', '.join(names)}")
    sentinels = {
        text for profile in profiles for text, count in profile.sentinels.items() if is_far(profile, text) and count > 1
    }
    decisions = [decide(profile, source.get("delimiter") or ",", sentinels) for profile in profiles]
    typed = relate(decisions, profiles, sample, target, params.features)
    if ask:
        ask_about(decisions)
    missing = float(typed[target].isna().mean())
    notes += show(decisions, profiles, missing)
    lowest = profiles[names.index(target)].second_low
    scale, reason = choose_scale(typed, lowest, schema_of(decisions), params.features)
    notes.append(f"params.yaml: features.target is {scale}: {reason}")

    title = words_of(Path(uri.rpartition("::")[2].partition("?")[0]).name.partition(".")[0]).capitalize() or "Table"
    kept = write_schema(root / "schema.yaml", title, [decision.field for decision in decisions], keep=not force)
    update_yaml(root / "config.yaml", {f"source.{key}": value for key, value in source.items()})
    changes = {"features.target": scale, **params_for(decisions, missing, params, notes)}
    update_yaml(root / "params.yaml", changes)
    if kept:
        notes.append(
            f"schema.yaml described this table already and was kept ({len(kept)} columns); --force writes it anew"
        )
    for note in notes:
        print(f"  {note}")
    print(f"\nwrote config.yaml, schema.yaml and params.yaml ({profiles[0].rows} rows looked at); next: dvc repro")
    return decisions


def is_far(profile: Profile, text: str) -> bool:
    """Whether a sentinel lies further from the other numbers than they spread."""
    gap = profile.second_low - float(text) if float(text) < 0 else float(text) - profile.second_high
    return gap > profile.second_high - profile.second_low > 0


def params_for(decisions: list[Decision], missing: float, params: Params, notes: list[str]) -> dict[str, Any]:
    """What of params.yaml goes with this table: alpha and l1_ratio anew, groups, rows without a target."""
    changes: dict[str, Any] = {"train.alpha": "auto", "train.l1_ratio": "auto"}
    grouped = any(decision.role == "group" for decision in decisions)
    if grouped or params.split.by != "hash":
        changes["split.by"] = "group" if grouped else "hash"
        notes.append(f"params.yaml: split.by is {changes['split.by']} now")
    if params.split.by == "time":
        changes["split.cut"] = None
    if missing > 0.8 * params.validate_.max_invalid_fraction:
        allowed = min(1.0, round(missing + 0.05, 2))
        changes["validate.max_invalid_fraction"] = allowed
        notes.append(
            f"params.yaml: validate.max_invalid_fraction is {allowed} now: rows without a target are put aside"
        )
    return changes


def copied(uri: str) -> str:
    """A local file or glob as a URI under data/source/, copied there if it lies elsewhere."""
    if "://" in uri.removeprefix("file://"):
        return uri
    path = Path(uri.removeprefix("file://")).expanduser()
    if (not path.is_absolute() and SOURCE_DIR in path.parents) or path.resolve().is_relative_to(SOURCE_DIR.resolve()):
        return str(path) if not path.is_absolute() else str(path.resolve().relative_to(Path.cwd()))
    paths = (
        [path]
        if path.is_file()
        else sorted(
            found for found in Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))) if found.is_file()
        )
    )
    if not paths:
        raise SourceError(f"{uri}: no such file; is the name right?")
    place = SOURCE_DIR if path.is_file() else SOURCE_DIR / (path.parent.name.strip("*") or "files")
    for found in paths:
        with replacing(place / found.name) as partial:
            shutil.copyfile(found, partial)
    return str(place / path.name)


def look(source: dict[str, Any], target: str) -> tuple[dict[str, Any], list[str], list[Profile], pd.DataFrame]:
    """What to write of the source, remarks, a profile of each column and a sample of the rows."""
    first = Source(**source)
    scheme = first.uri.partition("://")[0].partition("+")[0] if "://" in first.uri else "file"
    if scheme not in ("file", "http", "https", "github", "s3", "zip"):
        return source, [], *profile_frames(first)
    known = re.search(r"\.(csv|tsv|parquet|jsonl|ndjson)(\.(gz|xz|bz2))?$", first.uri, re.IGNORECASE)
    with found_files(first if known else Source(**source, format="csv")) as files:
        if not known:
            source["format"] = format_of(files[0].path)
        if source.get("format", files[0].format) in ("csv", "tsv"):
            notes: list[str] = []
            dialect = dialect_of(files, target)
            tsv = files[0].format == "tsv"
            source |= {"encoding": dialect.encoding, "delimiter": None if tsv else dialect.delimiter}
            source |= {"header": None if dialect.header else False}
            profiles, sample = profile_text(files, dialect, notes)
            return source, [describe(dialect, notes), *notes], profiles, sample
    return {"encoding": None, "delimiter": None, **source}, [], *profile_frames(Source(**source))


def format_of(path: Path) -> str:
    """The format of a file whose name does not tell it, from its first bytes."""
    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    return next((found for magic, found in MAGIC_FORMATS.items() if start.startswith(magic)), "csv")


def dialect_of(files: list[File], target: str) -> Dialect:
    """The dialect that all the files share.

    Raises:
        SourceError: they differ.
    """
    found = []
    for file in files:
        encoding, doubt = find_encoding(file.path)
        found.append((find_dialect(file.path, target, encoding, file.format == "tsv"), doubt))
    dialect = found[0][0]
    for file, (other, _) in zip(files, found, strict=True):
        if other.names != dialect.names:
            odd = sorted(set(other.names) ^ set(dialect.names)) or other.names
            raise SourceError(f"{file.shown}: its columns differ from those of {files[0].shown}: {', '.join(odd)}")
    encodings = {other.encoding for other, _ in found} - {"utf-8"}
    if len(encodings) > 1:
        raise SourceError(f"the files have several encodings: {', '.join(sorted(encodings))}; make them one")
    return replace(dialect, encoding=next(iter(encodings), "utf-8"))


def describe(dialect: Dialect, notes: list[str]) -> str:
    """One line on how the file is written."""
    doubt = "?" if dialect.unsure or dialect.encoding not in ("utf-8", "utf-16") else ""
    header = "with a header" if dialect.header else "without a header"
    return f"{doubt}encoding {dialect.encoding}, separator {dialect.delimiter!r}, {header}"


def profile_text(files: list[File], dialect: Dialect, notes: list[str]) -> tuple[list[Profile], pd.DataFrame]:
    """Profile CSV files by Arrow, which reads all cells as text."""
    ragged: list[str] = []

    def note_ragged(row: Any) -> str:
        ragged.append("x")
        return "skip"

    def batches() -> Iterator[pa.RecordBatch]:
        names = dialect.raw_names if dialect.header else [f"f{n}" for n in range(len(dialect.names))]
        for file in files:
            reading = pa.csv.ReadOptions(
                block_size=BLOCK, encoding="utf8" if dialect.encoding == "utf-8" else dialect.encoding,
                autogenerate_column_names=not dialect.header,
            )  # fmt: skip
            parsing = pa.csv.ParseOptions(
                delimiter=dialect.delimiter, newlines_in_values=has_quotes(file.path), invalid_row_handler=note_ragged
            )
            converting = pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""],
                quoted_strings_can_be_null=True,
            )  # fmt: skip
            try:
                with pa.csv.open_csv(file.path, reading, parsing, converting) as reader:
                    for batch in reader:
                        yield batch.rename_columns(dialect.names)
            except pa.ArrowInvalid as error:
                raise SourceError(f"{file.shown}: not readable as CSV: {error}") from None

    profiles, sample = profile_table(dialect.names, batches())
    if ragged:
        notes.append(f"?{len(ragged)} rows have too many or too few cells: they go to quarantine")
    if not profiles or profiles[0].rows == 0:
        raise SourceError(f"{files[0].shown}: a header and no rows; expected at least one row")
    return profiles, sample


def has_quotes(path: Path) -> bool:
    """Whether a quote stands anywhere in the file, so that a cell may hold line breaks."""
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(BLOCK), b""))


def profile_frames(source: Source) -> tuple[list[Profile], pd.DataFrame]:
    """Profile a table that comes as frames: Parquet, JSON Lines, databases."""
    names: list[str] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for frame in read_source(source):
            columns = [name for name in frame.columns if name not in INTERNAL]
            names[:] = columns
            arrays = [pa.array(as_column(frame[name]), from_pandas=True) for name in columns]
            arrays = [a.cast(pa.string()) if pa.types.is_large_string(a.type) else a for a in arrays]
            yield pa.RecordBatch.from_arrays(arrays, names=columns)

    stream = batches()
    first = next(stream, None)
    if first is None or len(first) == 0:
        raise SourceError(f"{source.uri}: no rows; expected at least one")

    def all_batches() -> Iterator[pa.RecordBatch]:
        yield first
        for batch in stream:
            yield batch if batch.schema == first.schema else batch.cast(first.schema, safe=False)

    return profile_table(first.schema.names, all_batches())


def as_column(values: pd.Series) -> pd.Series:
    """Integers with gaps may come as float64 in another batch: all numbers are float64 here."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    return values.astype("float64") if values.dtype.kind in "iuf" else values
