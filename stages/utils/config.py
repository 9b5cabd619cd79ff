"""config.yaml, typed: where data comes from, what computes, where runs are tracked."""

import logging
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stages.utils.yaml_files import Settings, read_settings

log = logging.getLogger(__name__)

CONFIG = Path("config.yaml")


class Source(Settings):
    """The source of the table, and how to read its text."""

    uri: str = Field(min_length=1, description="data/source/FILE (or a glob), https://, s3://, a database, sklearn://")
    format: Literal["csv", "tsv", "parquet", "jsonl"] | None = Field(
        None, description="format of the file, if its name does not end in it"
    )
    encoding: str = Field("utf-8", description="text encoding of a CSV file; a byte-order mark is skipped")
    delimiter: str = Field(",", min_length=1, max_length=1, description="separator of the cells of a CSV file")
    header: bool = Field(
        True, description="false: a CSV file's first row is data; its columns are column_1, column_2, …"
    )
    columns: list[str] | None = Field(None, min_length=1, description="names of the columns, with header: false")
    sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="expected hash of the file as found (of MEMBER, with zip://MEMBER::URI); any other file is refused",
    )
    query: str | None = Field(None, min_length=1, description="for a database: the SQL that returns the table")
    table: str | None = Field(None, min_length=1, description="for a database: the table, or SCHEMA.TABLE")
    timeout: int = Field(
        3600, ge=1, description="seconds for the whole download of a file, or for PostgreSQL to return the next rows"
    )


class Compute(Settings):
    """The workers. `part_rows` decides the parts that ingest cuts; nothing else here can change a byte."""

    backend: Literal["threads", "processes", "dask"] = Field(
        "threads", description="where several parts are worked on: this process, processes of this machine, a cluster"
    )
    workers: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto", description="parts processed at a time; auto: one per CPU"
    )
    scheduler: str | None = Field(None, description="address of the Dask scheduler, for backend dask")
    part_rows: int = Field(250_000, ge=1, description="rows per part, which one worker holds in memory")

    @model_validator(mode="after")
    def scheduler_goes_with_dask(self) -> "Compute":
        if (self.backend == "dask") != (self.scheduler is not None):
            raise ValueError("compute.scheduler is required with backend: dask, and allowed only with it")
        return self


class Track(Settings):
    """The MLflow store of the runs. The environment variable MLFLOW_TRACKING_URI overrides `uri`."""

    uri: str = Field(
        "sqlite:///mlflow.db",
        min_length=1,
        description="MLflow's store or server; a path starts at the repository",
    )
    experiment: str = Field("dvc-elasticnet", min_length=1, description="MLflow experiment of the published runs")


class Config(Settings):
    """config.yaml: the source, the workers and the tracking store; never a hyper-parameter."""

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
