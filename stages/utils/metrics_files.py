"""The metrics files, typed: one model per metrics/*.json, and one pair of functions that writes and reads them.

Errors and R² are null where they are undefined: R² of a constant target, for example.
"""

from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.utils.errors import DataError
from stages.utils.files import write_json

Share = float  # from 0 to 1


class Metrics(BaseModel):
    """Base of every model here; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class MetricsFile(Metrics):
    """Base of the models that are a file of their own."""

    path: ClassVar[Path]


File = TypeVar("File", bound=MetricsFile)


def write_metrics(metrics: MetricsFile) -> None:
    """Write metrics to their file; a field that was not set is left out."""
    write_json(metrics.path, metrics.model_dump(exclude_unset=True))


def read_metrics(model: type[File]) -> File:
    """Read the file of a model.

    Raises:
        DataError: the file is missing, or another version of the pipeline wrote it.
    """
    try:
        return model.model_validate_json(model.path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{model.path}: not found; run `dvc repro`") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DataError(f"{model.path}: {key}: {first['msg']}; run `dvc repro`") from None


# ---------------------------------------------------------------- metrics/source.json


class SourceFile(Metrics):
    """One file of the source."""

    name: str = Field(description="path or address")
    bytes: int = Field(description="size of the file, or of the zip member that was read")
    sha256: str = Field(description="of the same bytes")
    etag: str | None = Field(None, description="the server's name for this version, if it gives one")


class SourceMetrics(MetricsFile):
    """The source that ingest read: `files` for a table in files, `query` and `sha256` for a database."""

    path = Path("metrics/source.json")

    uri: str = Field(description="config.yaml: source.uri as written; secrets stay ${VARIABLES}")
    rows: int = Field(description="rows in data/raw")
    blank_rows: int = Field(description="rows without any content, left out")
    files: list[SourceFile] | None = None
    query: str | None = Field(None, description="the SQL statement")
    sha256: str | None = Field(None, description="of the rows that the query returned")
    share: float = Field(0.0, exclude=True, description="of the files that has been read; 0 if that is not known")


# ---------------------------------------------------------------- metrics/validation.json


class Violation(Metrics):
    """The cells of one column that fail one check."""

    count: int = Field(description="cells")
    examples: list[str] = Field(description="the first few: what was expected and found")


class ValidationMetrics(MetricsFile):
    """Row counts of the raw table, and why rows went to quarantine."""

    path = Path("metrics/validation.json")

    rows: int = Field(description="rows in data/raw")
    valid: int = Field(description="rows in data/valid")
    quarantined: int = Field(description="rows in data/quarantine")
    invalid_fraction: Share = Field(description="quarantined / rows")
    duplicates: int = Field(description="valid rows that equal an earlier one in every column")
    violations: dict[str, dict[str, Violation]] = Field(description="by column and check")

    @property
    def failed_checks(self) -> list[tuple[str, str, Violation]]:
        """The violations with their column and check, the most frequent first."""
        found = [
            (column, check, each) for column, by_check in self.violations.items() for check, each in by_check.items()
        ]
        return sorted(found, key=lambda item: (-item[2].count, item[:2]))


# ---------------------------------------------------------------- metrics/split.json


class SplitMetrics(MetricsFile):
    """The rows of train, test and folds, and signs of leakage between train and test."""

    path = Path("metrics/split.json")

    train: int = Field(description="rows")
    test: int = Field(description="rows")
    folds: list[int] = Field(description="training rows in each fold")
    duplicates_train: int = Field(
        description="training rows that repeat another one, without target, weight, exposure and ids"
    )
    duplicates_test: int = Field(
        description="test rows that repeat another one, without target, weight, exposure and ids"
    )
    duplicates_straddling: int = Field(
        description="test rows that repeat a training row, without target, weight, exposure and ids"
    )
    test_rows_with_inputs_seen_in_train: int = Field(description="test rows that repeat a training row in every input")
    target_order_r2: Share = Field(description="R² of a line through the target by position in the table")
    row_ids: list[str] = Field(description="features that number the rows")


# ---------------------------------------------------------------- metrics/audit.json


class LeakingSet(Metrics):
    """Columns that reproduce the target, or nearly so: one by its curve, several by their weighted sum."""

    columns: list[str]
    r2: Share = Field(description="share of the target's variance that they explain")


class AuditMetrics(MetricsFile):
    """The leakage audit of the training rows."""

    path = Path("metrics/audit.json")

    r2: dict[str, Share] = Field(description="share of the target's variance that each column explains alone")
    columns: list[str] = Field(description="columns whose share reaches params.yaml: features.leak_r2")
    sets: list[LeakingSet] = Field(description="sets whose share reaches params.yaml: features.leak_set_r2")
    suspicious: list[LeakingSet] = Field([], description="columns and sets that explain less than those, but very much")
    near_copies: list[list[str]] = Field([], description="numbers that correlate so much that their effects blur")
    min_frequency: int | None = Field(
        None, description="rows that a level needs to keep its own term, if params.yaml: features.max_terms raised it"
    )


# ---------------------------------------------------------------- metrics/interactions.json


class PairMetrics(Metrics):
    """A pair of columns that act together."""

    columns: list[str] = Field(description="the two columns; of a date `column.part`")
    folds: Share = Field(description="share of the cross-validation's training sets that chose it too")
    terms: int
    r2: Share = Field(description="share of the target's variance that the two columns explain, together and alone")


class InteractionMetrics(MetricsFile):
    """The pairs of the model, and the gain in cross-validation, each training set choosing its own."""

    path = Path("metrics/interactions.json")

    pairs: list[PairMetrics] = Field(description="in the order they were chosen")
    terms: int = Field(description="of all pairs")
    cv_r2: float = Field(description="with pairs, on the model's scale")
    cv_r2_additive: float = Field(description="without pairs")


# ---------------------------------------------------------------- metrics/train.json


class TrainMetrics(MetricsFile):
    """The chosen model. Errors are on the model's scale (`target`), cross-validated on the training rows."""

    path = Path("metrics/train.json")

    alpha: float = Field(description="as scikit-learn defines it, on standardised features")
    l1_ratio: Share
    target: str = Field(description="params.yaml: features.target, the scale that the model was fitted on")
    cv_rmse: float
    cv_r2: float
    cv_r2_free: float | None = Field(None, description="without the monotone constraints of schema.yaml, if it has any")
    cv_mse_se: float = Field(description="standard error of the mean squared error over the folds")
    terms: int = Field(description="coefficients of the model")
    nonzero: int = Field(description="coefficients that are not zero")
    iterations: int = Field(description="passes of coordinate descent")
    converged: bool


# ---------------------------------------------------------------- metrics/test.json


class Scores(Metrics):
    """Errors on the test rows, in the unit of the target, with the ends of their bootstrap intervals."""

    rmse: float | None
    rmse_low: float | None
    rmse_high: float | None
    mae: float | None
    mae_low: float | None
    mae_high: float | None
    r2: float | None = Field(description="against the mean of the test rows")
    r2_low: float | None
    r2_high: float | None


class GroupCoverage(Metrics):
    """The coverage of the prediction intervals in one group of test rows."""

    column: str
    group: str = Field(description="a level, or a fifth of a number or date")
    rows: int
    coverage: Share


class IntervalScores(Metrics):
    """The prediction intervals on the test rows."""

    nominal: Share = Field(description="params.yaml: evaluate.coverage")
    coverage: Share = Field(description="share of the test rows whose target is inside its interval")
    coverage_se: float = Field(description="standard error of the coverage")
    mean_width: float = Field(description="in the unit of the target")
    interval_score: float = Field(
        description="mean of width + 2 / (1 - nominal) × distance outside (Gneiting and Raftery 2007); lower is better"
    )
    interval_score_constant: float = Field(description="of intervals with the same offsets for every row")
    worst_group: GroupCoverage | None = Field(
        description="the group of at least 50 rows, of any column, with the lowest coverage; null: no group has so many"
    )


class Gate(Metrics):
    """The verdict on each check of params.yaml: evaluate.gate; null if the check is switched off."""

    min_r2: bool | None
    max_rmse_to_ols: bool | None
    min_coverage: bool | None
    min_worst_group_coverage: bool | None
    passed: bool = Field(description="no check failed")

    @property
    def failed(self) -> list[str]:
        """The checks that failed."""
        return [name for name, verdict in self if verdict is False and name != "passed"]


class EvaluationMetrics(MetricsFile):
    """The model and its baselines on the test rows."""

    path = Path("metrics/test.json")

    model: Scores
    mean: Scores = Field(description="the mean of the training rows")
    least_squares: Scores = Field(description="ordinary least squares on the same terms")
    black_box: Scores = Field(description="gradient-boosted trees on the same columns")
    total: dict[str, Scores] | None = Field(
        None, description="of each of them for the total, where the target is divided by an exposure"
    )
    intervals: IntervalScores
    gate: Gate
