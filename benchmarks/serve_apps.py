"""Rivals of the web app in benchmarks/serve.py: hello-world Flask, a tutorial's model, ours through scikit-learn."""

from pathlib import Path
from typing import Any

from flask import Flask, request


def hello() -> Flask:
    """Parse the body, answer a constant."""
    app = Flask(__name__)

    @app.get("/health")
    @app.post("/api/v1/predict")
    def answer() -> dict[str, Any]:
        return {"prediction": len(request.get_json()) if request.method == "POST" else 0}

    return app


def with_sklearn() -> Flask:
    """Let models/model.joblib predict a DataFrame of one row."""
    import joblib

    return of_dataframes(joblib.load("models/model.joblib"))


def tutorial() -> Flask:
    """Let the model of most tutorials predict it: scaled numbers, one-hot levels, ElasticNet with its defaults."""
    import pandas as pd
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import ElasticNet
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from webapp.pin import load_pinned

    card, _ = load_pinned(Path.cwd())
    rows = pd.read_parquet("data/train")
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="str")),
    )
    model = make_pipeline(columns, ElasticNet())
    return of_dataframes(model.fit(rows[[column.name for column in card.columns]], rows[card.target.name]))


def of_dataframes(model: Any) -> Flask:
    """Parse each body into a DataFrame of one row, as tutorials do, and let the model predict it."""
    import pandas as pd

    levels = [name for name, dtype in pd.read_parquet("data/train/part-00000.parquet").dtypes.items() if dtype == "str"]
    app = Flask(__name__)

    @app.get("/health")
    @app.post("/api/v1/predict")
    def answer() -> dict[str, Any]:
        if request.method == "GET":
            return {}
        row = pd.DataFrame([request.get_json()])
        row = row.astype({name: "str" if name in levels else "float64" for name in row})
        return {"prediction": float(model.predict(row)[0])}

    return app
