# perdure: `make demo` shows it, `make test` proves it. Both need only Python 3.11 or later and install the rest into .venv. The JupyterLab
# panel is built with Node.js 20 or later, and tested in Chromium.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# An environment is made again only when what it is made from changes: its stamp carries their checksum.
SUM := $(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)
DEMO_ENV := $(VENV)/.stamp-$(SUM)-demo
LAB_ENV := $(VENV)/.stamp-$(SUM)-lab
TEST_ENV := $(VENV)/.stamp-$(SUM)-test

# The panel: what npm packages it is built with, and what it is built from. It is built again only when either changes.
CHECKSUM := cksum | cut -d ' ' -f 1
MODULES := node_modules/.stamp-$(shell cat package.json yarn.lock .yarnrc.yml | $(CHECKSUM))
PANEL := labextension/lib/.stamp-$(shell cat package.json yarn.lock tsconfig.json $$(find labextension/src labextension/style labextension/schema -type f | LC_ALL=C sort) | $(CHECKSUM))
PANEL_BUILT := kernel_ext/perdure/labextension
# Its checks are left out, with a line that says so, where there is no Node.js or no Chromium; `make test PANEL_CHECKS=yes` insists.
NODE := $(shell command -v node)
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
PANEL_CHECKS ?= $(if $(and $(NODE),$(CHROMIUM)),yes,no)
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
JLPM := env PATH='$(abspath $(BIN)):$(PATH)' PYTHON='$(abspath $(BIN))/python' CHROMIUM='$(CHROMIUM)' $(BIN)/jlpm

# How many processes run tests: one a core, at most four (each may own kernels of its own).
WORKERS ?= logical
PYTEST := $(BIN)/python -m pytest
PARALLEL := --durations 10 --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal
# Kills in `make torture`; `make test` does some 200.
KILLS ?= 2000

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo lab panel test lint panel-lint panel-test ui-test images format torture bench bench-cot docs clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: $(DEMO_ENV) ## run a notebook, kill its kernel half way, restore it in a new one
	@$(BIN)/python tools/demo.py

lab: $(LAB_ENV) panel ## start JupyterLab on a copy of the demo notebook, with the panel open
	@mkdir -p build/lab && cp -n notebooks/*.ipynb build/lab/ || true
	@JUPYTERLAB_WORKSPACES_DIR='$(abspath $(VENV))/workspaces' $(BIN)/jupyter-lab workspaces import tools/panel.jupyterlab-workspace >/dev/null
	@JUPYTERLAB_WORKSPACES_DIR='$(abspath $(VENV))/workspaces' $(BIN)/jupyter-lab --ServerApp.root_dir=build/lab \
		--LabApp.default_url=/lab/workspaces/perdure $(LAB_OPTIONS)

panel: $(PANEL) ## build the JupyterLab panel
	@mkdir -p $(VENV)/share/jupyter/labextensions
	@ln -sfn '$(abspath $(PANEL_BUILT))' $(VENV)/share/jupyter/labextensions/perdure

test: lint ## make lint, then every test
	@echo '== tests'
	@$(PYTEST) $(PARALLEL)
ifeq ($(PANEL_CHECKS),yes)
	@$(MAKE) --no-print-directory panel-test ui-test
else
	@echo '== the panel: not built and not tested, as there is no $(if $(NODE),Chromium,Node.js) here'
endif

panel-test: panel
	@echo '== the panel: unit tests'
	@$(JLPM) test --silent

ui-test: panel
	@echo '== the panel: in JupyterLab, in Chromium'
	@$(JLPM) ui-test

images: $(TEST_ENV) panel ## take the pictures of the panel in docs/images anew
	@mkdir -p docs/images
	@PERDURE_IMAGES=1 $(JLPM) ui-test

lint: $(TEST_ENV) $(if $(filter yes,$(PANEL_CHECKS)),panel-lint) ## ruff, mypy, and eslint for the panel
	@echo '== ruff'
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@echo '== mypy'
	@$(BIN)/python -m mypy

panel-lint: $(TEST_ENV) $(MODULES)
	@echo '== eslint and prettier'
	@$(JLPM) lint

format: $(TEST_ENV) ## let ruff and prettier lay out the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(if $(NODE),$(JLPM) format)

torture: $(TEST_ENV) ## kill kernels KILLS times (2,000) at random moments
	@echo '== $(KILLS) kills'
	@PERDURE_KILLS=$(KILLS) $(PYTEST) $(PARALLEL) --timeout 0 tests/kill tests/model

bench: $(TEST_ENV) ## measure against a plain kernel and other systems
	@$(BIN)/python -m benchmarks.run --write docs/benchmarks.md

bench-cot: $(TEST_ENV) ## measure image questions: about an hour on two quiet cores
	@$(BIN)/python -m benchmarks.near --json build/near.json
	@$(BIN)/python -m benchmarks.cot_speed --json build/cot_speed.json
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.cot --jobs 2 --questions 700 --stream 300 \
		--beside build/near.json build/cot_speed.json --write docs/benchmarks-cot.md

docs: $(TEST_ENV) ## write docs/reference.md from the code
	@$(BIN)/python tools/reference.py

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf node_modules .yarn labextension/lib labextension/ui-tests/results $(PANEL_BUILT)
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

$(LAB_ENV): | $(BIN)/python
	@echo '== installing perdure, JupyterLab and what the demo needs into $(VENV)'
	@$(PIP_INSTALL) --editable '.[demo,panel]'
	@rm -f $(VENV)/.stamp-* && touch $@ $(DEMO_ENV)

$(TEST_ENV): | $(BIN)/python
	@echo '== installing perdure and what its tests need into $(VENV); the first time takes some minutes'
	@$(PIP_INSTALL) --editable '.[test,lint]'
	@rm -f $(VENV)/.stamp-* && touch $@ $(DEMO_ENV) $(LAB_ENV)

$(MODULES): | $(LAB_ENV)
	@command -v node >/dev/null || { echo 'The panel is built with Node.js 20 or later, and there is none here. Everything else works without.'; exit 1; }
	@echo '== installing what the panel is built with; the first time takes some minutes'
	@$(JLPM) install --immutable >build-panel.log 2>&1 || { cat build-panel.log; exit 1; }
	@rm -f build-panel.log node_modules/.stamp-* && touch $@

$(PANEL): | $(MODULES)
	@echo '== building the panel'
	@$(JLPM) build >build-panel.log 2>&1 || { cat build-panel.log; exit 1; }
	@rm -f build-panel.log labextension/lib/.stamp-* && touch $@
