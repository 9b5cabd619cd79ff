"""config.yaml, typed: where data comes from, what computes, where runs are tracked."""

import logging
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stages.utils.yaml_files import Settings, read_settings

log = logging.getLogger(__name__)

CONFIG = Path("config.yaml")


class Source(Settings):
    """Where the table comes from and how its text is read."""

    uri: str = Field(min_length=1, description="data/source/FILE (or a glob), https://, s3://, a database, sklearn://")
    format: Literal["csv", "tsv", "parquet", "jsonl"] | None = Field(
        None, description="of the file, where its name does not end in it"
    )
    encoding: str = Field("utf-8", description="text encoding of a CSV file; a byte-order mark is skipped")
    delimiter: str = Field(",", min_length=1, max_length=1, description="what separates the cells of a CSV file")
    header: bool = Field(
        True, description="false: a CSV file's first row is data; its columns are column_1, column_2, …"
    )
    columns: list[str] | None = Field(None, min_length=1, description="names of the columns, with header: false")
    sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="of the file as it is found (of MEMBER, with zip://MEMBER::URI); another is refused",
    )
    query: str | None = Field(None, min_length=1, description="SQL that gives the table, for a database")
    table: str | None = Field(None, min_length=1, description="the table (or SCHEMA.TABLE) to read, for a database")
    timeout: int = Field(
        3600, ge=1, description="seconds that the download of a file, or PostgreSQL for the next rows, may take"
    )


class Compute(Settings):
    """What does the work. `part_rows` decides the parts that ingest cuts; the rest cannot change a byte."""

    backend: Literal["loky", "threading", "dask"] = Field(
        "loky", description="joblib's backend for work on several parts"
    )
    workers: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto", description="parts processed at a time; auto: one per CPU"
    )
    scheduler: str | None = Field(None, description="address of the Dask scheduler, for backend dask")
    part_rows: int = Field(250_000, ge=1, description="rows in a part: what one worker holds in memory")

    @model_validator(mode="after")
    def scheduler_goes_with_dask(self) -> "Compute":
        if (self.backend == "dask") != (self.scheduler is not None):
            raise ValueError("compute.scheduler goes with backend: dask, and only with it")
        return self


class Track(Settings):
    """Where runs are tracked. The environment variable MLFLOW_TRACKING_URI wins over `uri`."""

    uri: str = Field(
        "sqlite:///mlflow.db", min_length=1, description="MLflow's store or server; a relative path is the repository's"
    )
    experiment: str = Field("dvc-elasticnet", min_length=1, description="MLflow experiment that runs are published in")


class Config(Settings):
    """config.yaml: where data comes from, what computes, where runs are tracked; never a hyper-parameter."""

    source: Source
    compute: Compute
    track: Track = Track()


def read_config() -> Config:
    """Read the whole of config.yaml."""
    return read_settings(CONFIG, Config)


def read_source_settings() -> tuple[Source, int]:
    """Read what ingest depends on: config.yaml's source and compute.part_rows."""
    config = read_config()
    log.debug("takes config.yaml:source config.yaml:compute.part_rows")
    return config.source, config.compute.part_rows
