"""What benchmarks/serve.py compares the web app with: hello-world Flask, and the same model through scikit-learn."""

from typing import Any

from flask import Flask, request


def hello() -> Flask:
    """Parses the body, answers a constant."""
    app = Flask(__name__)

    @app.get("/health")
    @app.post("/api/v1/predict")
    def answer() -> dict[str, Any]:
        return {"prediction": len(request.get_json()) if request.method == "POST" else 0}

    return app


def with_sklearn() -> Flask:
    """Parses the body into a DataFrame of one row and lets models/model.joblib predict it, as tutorials do."""
    import joblib
    import pandas as pd

    model = joblib.load("models/model.joblib")
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
