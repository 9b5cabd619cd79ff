# Every target works in a fresh clone with git, make and Python 3.11 or later: the first one that needs packages creates .venv.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A variable as one word of the shell, with ${PASSWORD} in it left as it is: neither make nor the shell fills it in.
quoted = '$(subst ','\'',$(value $1))'

.DEFAULT_GOAL := help
.PHONY: help setup adopt example repro metrics refresh sweep track ui doctor verify push pull image deploy test quick lint format schemas lock serve dev predict monitor loop-demo translate cluster-demo clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(BIN)/.pipeline  ## create .venv with the packages of the pipeline

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed, found $$($(PYTHON) --version); set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(BIN)/.pipeline: requirements/dvc.txt requirements/pipeline.txt | $(BIN)/python
	@echo "installing the locked packages into .venv: a minute or two"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dvc.txt -r requirements/pipeline.txt
	@touch $@

$(BIN)/.test: requirements/test.txt | $(BIN)/python
	@echo "installing the locked packages, with those of the tests, into .venv: a few minutes"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/test.txt
	@touch $@ $(BIN)/.pipeline $(BIN)/.track $(BIN)/.translate $(BIN)/.cluster

adopt: $(BIN)/.pipeline  ## use your own table and write its schema: make adopt DATA=… TARGET=COLUMN
	@python -m tools.adopt $(call quoted,DATA) --target $(call quoted,TARGET) $(ARGS)

example: $(BIN)/.pipeline  ## run one of examples/ in a scratch copy: make example NAME=wine
	@python -m tools.example "$(NAME)"

repro: $(BIN)/.pipeline  ## run the stages that are out of date, then print the metrics
	@python -m tools.dvc_cache
	dvc repro
	@python -m tools.summary
	@python -m tools.track || true

metrics: $(BIN)/.pipeline  ## print the metrics of the last run
	@python -m tools.summary

refresh: $(BIN)/.pipeline  ## read the source again (DVC cannot see a change behind a URI), then repro
	@python -m tools.dvc_cache
	dvc repro --force --single-item ingest
	dvc repro
	@python -m tools.summary

doctor: $(BIN)/.pipeline  ## check the setup: packages, lock, cache, S3, MLflow, container tools
	@python -m tools.doctor

verify: $(BIN)/.pipeline $(BIN)/.webapp  ## rebuild in a clean clone and compare with dvc.lock (ARGS=--serving compares serving with the model)
	@python -m tools.verify $(ARGS)

push: $(BIN)/.pipeline  ## send data and models to the S3 bucket (some: TARGETS=models/scorecard.json)
	@python -m tools.transfer push $(TARGETS)

pull: $(BIN)/.pipeline  ## get data and models from the S3 bucket (some: TARGETS=...)
	@python -m tools.transfer pull $(TARGETS)

image: $(BIN)/.pipeline $(BIN)/.webapp  ## build the web app's image with docker, podman or buildah
	@python -m tools.image $(ARGS)

deploy: $(BIN)/.pipeline $(BIN)/.webapp  ## push that image and roll it out on AWS (ARGS="--target apprunner")
	@python -m deploy $(ARGS)

test: $(BIN)/.test  ## run all the tests
	python -m pytest -n auto --dist worksteal

quick: $(BIN)/.test  ## run the tests that take seconds
	python -m pytest -n auto --dist worksteal -m "not slow"

lint: $(BIN)/.test  ## check style and types
	ruff check .
	ruff format --check .
	mypy

format: $(BIN)/.test  ## format the code
	ruff check --fix .
	ruff format .

schemas: $(BIN)/.pipeline  ## rewrite the JSON Schemas of the settings
	python -m tools.schemas

lock: $(BIN)/.test  ## upgrade the locked packages as far as pyproject.toml allows (ARGS=--keep: only what it asks for)
	@python -m tools.lock $(ARGS)

$(BIN)/.track: requirements/track.txt | $(BIN)/python
	@echo "installing MLflow into .venv: a minute"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/track.txt
	@touch $@

sweep: $(BIN)/.pipeline $(BIN)/.track  ## run a grid of experiments: make sweep GRID="train.alpha=log:0.1:10:5 train.l1_ratio=0.2,0.8"
	@python -m tools.sweep $(GRID)

track: $(BIN)/.pipeline $(BIN)/.track  ## publish to MLflow the runs that it lacks
	@python -m tools.track

# Without MLflow's job runners: half a dozen processes that its pages do not need.
ui: $(BIN)/.pipeline $(BIN)/.track  ## serve MLflow's pages on http://127.0.0.1:5000
	@uri=$$(python -m tools.track --uri); case $$uri in http*) echo "MLflow is at $$uri" ;; \
		*) MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
		mlflow ui --workers 1 --backend-store-uri "$$uri" --host 127.0.0.1 --port $${PORT:-5000} ;; esac

$(BIN)/.webapp: requirements/webapp.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/webapp.txt
	@touch $@

serve: $(BIN)/.webapp  ## serve the web app on the model of this checkout, on http://127.0.0.1:8000
	HOST=$${HOST:-127.0.0.1} gunicorn

dev: $(BIN)/.webapp  ## serve it and reload whenever the code changes
	flask --app webapp.app run --debug --port $${PORT:-8000}

predict: $(BIN)/.pipeline $(BIN)/.webapp  ## predict every row of a file: make predict IN=cases.csv OUT=predictions.csv
	@python -m tools.predict "$(IN)" "$(OUT)"

monitor: $(BIN)/.pipeline $(BIN)/.webapp  ## compare logged predictions with the truth: make monitor LOG=… OUTCOMES=…
	@python -m tools.monitor $(call quoted,LOG) $(call quoted,OUTCOMES) $(ARGS)

loop-demo: $(BIN)/.pipeline $(BIN)/.webapp  ## play serve, log, outcomes, verdict and retraining in a temporary copy
	@python -m tools.loop_demo

$(BIN)/.cluster: requirements/cluster.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/cluster.txt
	@touch $@

cluster-demo: $(BIN)/.pipeline $(BIN)/.cluster  ## run the pipeline on a Dask cluster on this machine, in a temporary copy
	@python -m tools.cluster_demo

$(BIN)/.translate: requirements/translate.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/translate.txt
	@touch $@

translate: $(BIN)/.pipeline $(BIN)/.translate  ## write the model as code: make translate ARGS="--to sql|onnx|python|javascript --output FILE"
	@python -m tools.translate $(ARGS)

clean:  ## remove .venv, caches of the tools and logs (not data, models or DVC's cache)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis logs dvc_plots
