"""Rivals of the pipeline in benchmarks/scale.py, each as one script would be written: read, expand, search, test.

All search three l1_ratios by twenty alphas with five folds and return R² on a fifth of the rows.
"""

from typing import Any

L1_RATIOS, ALPHAS, FOLDS = [0.1, 0.5, 0.9], 20, 5


def with_pandas(path: str) -> float:
    """Pandas, a ColumnTransformer and ElasticNetCV."""
    import pandas as pd
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.linear_model import ElasticNetCV
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows = pd.read_csv(path).drop(columns="id")
    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_include="str")),
    )
    model = make_pipeline(columns, ElasticNetCV(l1_ratio=L1_RATIOS, alphas=ALPHAS, cv=FOLDS))
    x_train, x_test, y_train, y_test = train_test_split(
        rows.drop(columns="target"), rows["target"], test_size=0.2, random_state=0
    )
    return float(model.fit(x_train, y_train).score(x_test, y_test))


def with_glum(path: str) -> float:
    """Glum's cross-validated elastic net on a split matrix of numbers and categories."""
    import pandas as pd
    from glum import GeneralizedLinearRegressorCV
    from sklearn.metrics import r2_score
    from sklearn.model_selection import train_test_split

    rows = pd.read_csv(path).drop(columns="id")
    levels: list[str] = [*rows.select_dtypes("str")]
    rows[levels] = rows[levels].astype("category")
    x_train, x_test, y_train, y_test = train_test_split(
        rows.drop(columns="target"), rows["target"], test_size=0.2, random_state=0
    )
    model = GeneralizedLinearRegressorCV(
        family="normal", l1_ratio=L1_RATIOS, n_alphas=ALPHAS, cv=FOLDS, scale_predictors=True
    )
    return float(r2_score(y_test, model.fit(x_train, y_train).predict(x_test)))


def with_spark(path: str) -> float:
    """Spark's LinearRegression in a CrossValidator, on all cores of this machine."""
    from pyspark.ml import Pipeline
    from pyspark.ml.evaluation import RegressionEvaluator
    from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler
    from pyspark.ml.regression import LinearRegression
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[*]").config("spark.driver.memory", "8g").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    rows = spark.read.csv(path, header=True, inferSchema=True).drop("id")
    text = [name for name, kind in rows.dtypes if kind == "string"]
    numbers = [name for name in rows.columns if name not in (*text, "target")]
    stages: list[Any] = [
        StringIndexer(inputCols=text, outputCols=[f"{name}_code" for name in text], handleInvalid="keep"),
        OneHotEncoder(inputCols=[f"{name}_code" for name in text], outputCols=[f"{name}_terms" for name in text]),
        VectorAssembler(inputCols=[*numbers, *(f"{name}_terms" for name in text)], outputCol="features"),
    ]
    train, test = rows.randomSplit([0.8, 0.2], seed=0)
    expand = Pipeline(stages=stages).fit(train)
    train, test = expand.transform(train).select("features", "target").cache(), expand.transform(test)
    regression = LinearRegression(labelCol="target")
    judge = RegressionEvaluator(labelCol="target", metricName="r2")
    alphas = [10 ** (1 - 4 * step / (ALPHAS - 1)) for step in range(ALPHAS)]
    grid = (
        ParamGridBuilder().addGrid(regression.elasticNetParam, L1_RATIOS).addGrid(regression.regParam, alphas).build()
    )
    search = CrossValidator(
        estimator=regression, estimatorParamMaps=grid, evaluator=judge, numFolds=FOLDS, parallelism=2, seed=0
    )
    return float(judge.evaluate(search.fit(train).transform(test)))
