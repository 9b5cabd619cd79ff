"""Data sets that come with scikit-learn."""

from stages.sources.frames import Frames, with_origin
from stages.utils.config import Source
from stages.utils.errors import SettingsError, did_you_mean
from stages.utils.metrics_files import SourceMetrics

NOT_TABLES = {"files", "sample_image", "sample_images", "svmlight_file", "svmlight_files", "linnerud"}


def read_sklearn(source: Source, metrics: SourceMetrics) -> Frames:
    """Yield a data set in natural units: its features, then its target."""
    from sklearn import datasets

    name = source.uri.removeprefix("sklearn://")
    loaders = {item.removeprefix("load_") for item in datasets.__all__ if item.startswith("load_")}
    embedded = sorted(loaders - NOT_TABLES)
    if name not in embedded:
        raise SettingsError(
            f"config.yaml: source.uri: scikit-learn has no data set {name!r}; allowed: {', '.join(embedded)}"
            f"{did_you_mean(name, embedded)}"
        )
    natural_units = {"scaled": False} if name == "diabetes" else {}
    frame = getattr(datasets, f"load_{name}")(as_frame=True, **natural_units).frame
    yield with_origin(frame, source.uri, range(1, len(frame) + 1))
