"""Publish a run of DVC as a run of MLflow: params, metrics, files, tables and model."""

import json
import logging
import tempfile
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import cloudpickle
import joblib
import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import Model, infer_signature
from sklearn.pipeline import Pipeline
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

import stages
from stages.modelling.pipeline import columns_of
from stages.utils.errors import PipelineError
from tools.dvc_cache import object_path
from tools.track.dvc_runs import MODEL, Run

CONTENT = "dvc.content"
EXAMPLE_ROWS = 5
NEEDS = [f"{name}=={version(name)}" for name in ("cloudpickle", "numpy", "pandas", "scikit-learn")]
CONTEXTS = {"data/raw": "source", "data/train": "training", "data/test": "test"}

cloudpickle.register_pickle_by_value(stages)  # a logged model loads where this repository is not
for name in ("alembic", "mlflow", "urllib3"):
    logging.getLogger(name).setLevel(logging.ERROR)  # we say in one line what the user can fix


def publish(runs: list[Run], uri: str, experiment: str) -> tuple[int, int]:
    """Publish the runs that the experiment lacks; return how many, and how many of these without their model.

    Raises:
        PipelineError: the store or server cannot be used, or stopped answering.
    """
    published = without_model = 0
    try:
        mlflow.set_tracking_uri(uri)
        experiment_id = str(mlflow.set_experiment(experiment).experiment_id)
        finished = finished_contents(experiment_id)
        for run in tqdm([run for run in runs if run.content not in finished], unit="run", disable=None):
            without_model += not publish_one(experiment_id, run)
            published += 1
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        done = f" after {published} runs" if published else ""
        raise PipelineError(f"not tracked: MLflow at {uri} failed{done}: {reason}; `make track` catches up") from None
    return published, without_model


def finished_contents(experiment_id: str) -> set[str]:
    """List the contents of the finished runs, deleted ones too: what somebody has deleted stays deleted.

    A run that a kill or an outage has left unfinished is deleted here, and will be published again.
    """
    runs = mlflow.search_runs([experiment_id], run_view_type=ViewType.ALL, output_format="list")
    for run in runs:
        unfinished = CONTENT in run.data.tags and run.info.status != "FINISHED"
        if unfinished and run.info.lifecycle_stage == "active":
            mlflow.delete_run(run.info.run_id)
    return {run.data.tags.get(CONTENT, "") for run in runs if run.info.status == "FINISHED"}


def publish_one(experiment_id: str, run: Run) -> bool:
    """Publish a whole run; return True if its model was in DVC's cache."""
    client, time = MlflowClient(), run.source.seconds * 1000
    run_id = client.create_run(experiment_id, start_time=time, tags=tags(run), run_name=run.source.name).info.run_id
    metrics = [Metric(key, value, time, 0) for key, value in run.metrics.items()]
    client.log_batch(run_id, metrics, [Param(key, str(value)) for key, value in run.params.items()])
    client.log_inputs(run_id, datasets=[table(run, path) for path in CONTEXTS])
    with tempfile.TemporaryDirectory() as folder:
        run.export(Path(folder))
        client.log_artifacts(run_id, folder)
    logged = log_model(run, run_id)
    client.set_terminated(run_id, end_time=time)
    return logged


def tags(run: Run) -> dict[str, str]:
    """Say where the run came from, in MLflow's terms and in DVC's."""
    found = {CONTENT: run.content, "mlflow.source.type": "PROJECT", "mlflow.source.name": "dvc.yaml"}
    found |= {f"dvc.md5.{path}": md5 for path, md5 in run.md5s.items()}
    if run.source.name != "workspace":
        found["mlflow.source.git.commit"] = run.source.commit
    if run.source.baseline:
        found |= {"DVC_EXP_NAME": run.source.name, "DVC_EXP_BASELINE_REV": run.source.baseline}
    return found


def table(run: Run, path: str) -> DatasetInput:
    """Describe a table of the run by DVC's md5."""
    md5 = run.md5s[path]
    source = json.dumps({"path": path, "md5": md5, "rev": run.source.commit})
    dataset = Dataset(name=path, digest=md5.removesuffix(".dir"), source_type="dvc", source=source)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", CONTEXTS[path])])


def log_model(run: Run, run_id: str) -> bool:
    """Log the model with its signature and some training rows as an example, if both are in DVC's cache and load."""
    file, example = object_path(run.md5s[MODEL]), first_rows(run.md5s["data/train"])
    if not file.exists() or example is None:
        return False
    try:
        model: Pipeline = joblib.load(file)
        columns = [column for _, _, names in columns_of(model).transformers_ for column in names]
    except (AttributeError, ImportError, KeyError):  # a model of older code
        return False
    example = example[columns]
    Model.log(
        None,
        mlflow.sklearn,
        name="model",
        run_id=run_id,
        sk_model=model,
        signature=infer_signature(example, np.zeros(len(example))),  # it predicts one number per row
        input_example=example,
        pip_requirements=NEEDS,
        serialization_format="cloudpickle",
    )
    return True


@lru_cache(maxsize=4)
def first_rows(md5: str) -> pd.DataFrame | None:
    """Read the first rows of a table in DVC's cache."""
    listing = object_path(md5)
    if not listing.exists():
        return None
    parts = sorted(json.loads(listing.read_text(encoding="utf-8")), key=lambda part: str(part["relpath"]))
    first = object_path(parts[0]["md5"])
    return pd.read_parquet(first).head(EXAMPLE_ROWS) if first.exists() else None
