"""The feature map that adopt tries a table with: few knots, and no more terms than the pipeline would allow."""

import pandas as pd
from sklearn.compose import ColumnTransformer

from stages.modelling.budget import within_budget
from stages.modelling.feature_map import fit_feature_map
from stages.table.schema import TableSchema
from stages.utils.params import FeaturesParams


def bounded_map(rows: pd.DataFrame, schema: TableSchema, params: FeaturesParams) -> ColumnTransformer:
    """Fit the feature map; rare levels are merged until their terms fit into `features.max_terms`."""
    _, rarest = within_budget(rows, schema, params)
    return fit_feature_map(rows, schema, params.model_copy(update={"min_frequency": rarest}))
