"""A run of DVC as a run of MLflow."""

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
from dvc.repo import Repo
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param, ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import Model, infer_signature
from sklearn.pipeline import Pipeline
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

from stages.modelling import feature_map as features
from stages.utils.errors import PipelineError
from tools.track.dvc_runs import Run

CONTENT = "dvc.content"
EXAMPLE_ROWS = 5
NEEDS = [f"{name}=={version(name)}" for name in ("cloudpickle", "numpy", "pandas", "scikit-learn")]
CONTEXTS = {"data/raw": "source", "data/train": "training", "data/test": "test"}

cloudpickle.register_pickle_by_value(features)  # a logged model loads where this repository is not
for name in ("alembic", "mlflow", "urllib3"):
    logging.getLogger(name).setLevel(logging.ERROR)  # what the user can mend is said in one line, by us


def publish(runs: list[Run], uri: str, experiment: str, artifacts: Path) -> tuple[int, int]:
    """Publish the runs that the experiment lacks; returns how many, and how many of them without their model.

    Raises:
        PipelineError: the store or server cannot be used, or stopped answering on the way.
    """
    published = without_model = 0
    try:
        mlflow.set_tracking_uri(uri)
        client = MlflowClient(uri)
        place = experiment_id(client, experiment, None if uri.startswith("http") else artifacts.as_uri())
        known = known_runs(client, place)
        for run in tqdm([run for run in runs if known.get(run.content) != "FINISHED"], unit="run", disable=None):
            without_model += not publish_one(client, place, run)
            published += 1
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        done = f" after {published} runs" if published else ""
        raise PipelineError(f"not tracked: MLflow at {uri} failed{done}: {reason}; `make track` catches up") from None
    return published, without_model


def experiment_id(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """The id of MLflow's experiment, made if it is not there; `artifacts` is where its files go (None: server's)."""
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, artifact_location=artifacts))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def known_runs(client: MlflowClient, place: str) -> dict[str, str]:
    """The status of each run by its content; a run that somebody has deleted stays deleted.

    A run that was left unfinished (a kill, an outage) is deleted here: it is published anew.
    """
    known: dict[str, str] = {}
    token = None
    while True:
        page = client.search_runs([place], run_view_type=ViewType.ALL, max_results=1000, page_token=token)
        for run in page:
            content = run.data.tags.get(CONTENT)
            if content is None:
                continue
            if run.info.status == "FINISHED":
                known[content] = run.info.status
            elif run.info.lifecycle_stage == "active":
                client.delete_run(run.info.run_id)
        token = page.token
        if not token:
            return known


def publish_one(client: MlflowClient, place: str, run: Run) -> bool:
    """Publish a run whole; returns whether its model was in DVC's cache."""
    made = client.create_run(place, start_time=run.source.seconds * 1000, tags=tags(run), run_name=run.source.name)
    run_id = made.info.run_id
    metrics = [Metric(key, value, run.source.seconds * 1000, 0) for key, value in run.metrics.items()]
    params = [Param(key, str(value)) for key, value in run.params.items()]
    client.log_batch(run_id, metrics, params[:100])
    for at in range(100, len(params), 100):  # as many as MLflow takes at a time
        client.log_batch(run_id, params=params[at : at + 100])
    client.log_inputs(run_id, datasets=lineage(run))
    with tempfile.TemporaryDirectory() as folder:
        run.export(Path(folder))
        client.log_artifacts(run_id, folder)
    logged = log_model(client, place, run, run_id)
    client.set_terminated(run_id, end_time=run.source.seconds * 1000)
    return logged


def tags(run: Run) -> dict[str, str]:
    """What the run came from, in MLflow's own words and in DVC's."""
    found = {CONTENT: run.content, "mlflow.source.type": "PROJECT", "mlflow.source.name": "dvc.yaml"}
    found |= {f"dvc.md5.{path}": md5 for path, md5 in run.md5s.items()}
    if run.source.commit:
        found["mlflow.source.git.commit"] = run.source.commit
    if run.source.baseline:
        found |= {"DVC_EXP_NAME": run.source.name, "DVC_EXP_BASELINE_REV": run.source.baseline}
    return found


def lineage(run: Run) -> list[DatasetInput]:
    """The tables of the run, each known by DVC's md5."""
    inputs = []
    for path, context in CONTEXTS.items():
        md5 = run.md5s[path].removesuffix(".dir")
        source = json.dumps({"path": path, "md5": run.md5s[path], "rev": run.source.commit})
        dataset = Dataset(name=path, digest=md5, source_type="dvc", source=source)
        inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", context)]))
    return inputs


def log_model(client: MlflowClient, place: str, run: Run, run_id: str) -> bool:
    """Log the model with its signature and some training rows as an example, if both are in DVC's cache and load.

    `mlflow.sklearn.log_model` would do so in one call and load, run and read back each model, in twice the time.
    """
    file, example = cached(run.md5s["models/model.joblib"]), rows(run.md5s["data/train"])
    if not file.exists() or example is None:
        return False
    try:
        model: Pipeline = joblib.load(file)
    except (AttributeError, ImportError):  # pickled by code that is no longer here
        return False
    example = example[[column for _, _, columns in model["features"].transformers_ for column in columns]]
    made = client.create_logged_model(place, name="model", source_run_id=run_id)
    client.log_outputs(run_id, [LoggedModelOutput(made.model_id, step=0)])
    with tempfile.TemporaryDirectory() as folder:
        mlflow.sklearn.save_model(
            model,
            f"{folder}/model",
            mlflow_model=Model(made.artifact_location, run_id, model_uuid=made.model_id, model_id=made.model_id),
            signature=infer_signature(example, np.zeros(len(example))),  # what it predicts: a number a row
            input_example=example,
            pip_requirements=NEEDS,
            serialization_format="cloudpickle",
        )
        client.log_model_artifacts(made.model_id, f"{folder}/model")
    client.finalize_logged_model(made.model_id, "READY")
    return True


@lru_cache(maxsize=4)
def rows(md5: str) -> pd.DataFrame | None:
    """The first rows of a table in DVC's cache."""
    listing = cached(md5)
    if not listing.exists():
        return None
    parts = sorted(json.loads(listing.read_text(encoding="utf-8")), key=lambda part: str(part["relpath"]))
    first = cached(parts[0]["md5"])
    return pd.read_parquet(first).head(EXAMPLE_ROWS) if first.exists() else None


def cached(md5: str) -> Path:
    """Where DVC's cache keeps a file or a directory's listing."""
    return cache_folder() / md5[:2] / md5[2:]


@lru_cache(maxsize=1)
def cache_folder() -> Path:
    """DVC's cache of files, wherever it is configured to be."""
    with Repo() as repo:
        return Path(repo.cache.local.path)
