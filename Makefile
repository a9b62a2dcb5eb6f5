# perdure: `make demo` shows it, `make test` proves it. Both need only Python 3.11 or later and install the rest into .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# An environment is made again only when what it is made from changes: its stamp carries their checksum.
SUM := $(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)
DEMO_ENV := $(VENV)/.stamp-$(SUM)-demo
TEST_ENV := $(VENV)/.stamp-$(SUM)-test

# How many processes run tests: one a core, at most four (each may own kernels of its own).
WORKERS ?= logical
PYTEST := $(BIN)/python -m pytest
PARALLEL := --durations 10 --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal
# Kills in `make torture`; `make test` does some 200.
KILLS ?= 2000

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint format torture bench docs clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: $(DEMO_ENV) ## run a notebook, kill its kernel half way, restore it in a new one
	@$(BIN)/python tools/demo.py

test: lint ## make lint, then every test
	@echo '== tests'
	@$(PYTEST) $(PARALLEL)

lint: $(TEST_ENV) ## ruff and mypy
	@echo '== ruff'
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@echo '== mypy'
	@$(BIN)/python -m mypy

format: $(TEST_ENV) ## let ruff lay out the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

torture: $(TEST_ENV) ## kill kernels KILLS times (2,000) at random moments
	@echo '== $(KILLS) kills'
	@PERDURE_KILLS=$(KILLS) $(PYTEST) $(PARALLEL) --timeout 0 tests/kill tests/model

bench: $(TEST_ENV) ## measure against a plain kernel and other systems
	@$(BIN)/python -m benchmarks.run --write docs/benchmarks.md

docs: $(TEST_ENV) ## write docs/reference.md from the code
	@$(BIN)/python tools/reference.py

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo 'There is no $(PYTHON). Install Python 3.11 or later, or name it: make PYTHON=...'; exit 1; }
	@$(PYTHON) tools/check_python.py
	@echo '== making $(VENV)'
	@$(PYTHON) -m venv $(VENV)

$(DEMO_ENV): | $(BIN)/python
	@echo '== installing perdure and what the demo needs into $(VENV)'
	@$(PIP_INSTALL) --editable '.[demo]'
	@rm -f $(VENV)/.stamp-* && touch $@

$(TEST_ENV): | $(BIN)/python
	@echo '== installing perdure and what its tests need into $(VENV); the first time takes some minutes'
	@$(PIP_INSTALL) --editable '.[test,lint]'
	@rm -f $(VENV)/.stamp-* && touch $@ $(DEMO_ENV)
