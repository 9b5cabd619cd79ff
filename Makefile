# Every target works in a fresh clone with git, make and Python 3.11 or later: the first one that needs packages makes .venv.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup adopt example repro metrics refresh test quick lint format schemas lock clean

help:  ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(BIN)/.pipeline  ## make .venv with what the pipeline needs

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed, found $$($(PYTHON) --version); set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(BIN)/.pipeline: requirements/dvc.txt requirements/pipeline.txt | $(BIN)/python
	@echo "installing the locked packages into .venv: a minute or two"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dvc.txt -r requirements/pipeline.txt
	@touch $@

$(BIN)/.test: requirements/test.txt | $(BIN)/python
	@echo "installing the locked packages and those of the tests into .venv: a few minutes"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/test.txt
	@touch $@ $(BIN)/.pipeline

adopt: $(BIN)/.pipeline  ## make DATA the source and write its schema: make adopt DATA=… TARGET=COLUMN
	@python -m tools.adopt "$(DATA)" --target "$(TARGET)"

example: $(BIN)/.pipeline  ## run one of examples/ in a scratch copy: make example NAME=wine
	@python -m tools.example "$(NAME)"

repro: $(BIN)/.pipeline  ## run what is not up to date of the pipeline, then print the metrics
	dvc repro
	@python -m tools.summary

metrics: $(BIN)/.pipeline  ## print the metrics of the last run
	@python -m tools.summary

refresh: $(BIN)/.pipeline  ## read the source again (DVC cannot see a change behind a URI), then repro
	dvc repro --force --single-item ingest
	dvc repro
	@python -m tools.summary

test: $(BIN)/.test  ## run all the tests
	python -m pytest -n auto

quick: $(BIN)/.test  ## run the tests that take seconds
	python -m pytest -n auto -m "not slow"

lint: $(BIN)/.test  ## check style and types
	ruff check .
	ruff format --check .
	mypy

format: $(BIN)/.test  ## put the code in order
	ruff check --fix .
	ruff format .

schemas: $(BIN)/.pipeline  ## write the JSON Schemas of the settings anew
	python -m tools.schemas

lock: $(BIN)/.test  ## compile requirements/*.txt from pyproject.toml
	python -m tools.lock

clean:  ## remove .venv and what the tools leave (not data, models or DVC's cache)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis logs dvc_plots
