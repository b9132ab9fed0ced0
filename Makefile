# The one entry: people and .ci/run call the same targets.
# `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# python3.11 where there is one, else python3; `make PYTHON=python3.12 ...` names another.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
# Workers for pytest, and more arguments for it: `make test PYTEST_ARGS='-k journal -x'`.
WORKERS ?= 2
PYTEST_ARGS ?=
UV_VERSION := 0.13.9
# The plans that have a recorded blue beside them; their runbooks are rendered from it.
RECORDED := $(patsubst plans/%.blue.yaml,%,$(wildcard plans/*.blue.yaml))

.PHONY: help demo test test-long check runbooks format lab lab-down lab-status bench lock clean venv

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## set up .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1): Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "make: $(PYTHON) has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# The lock is whole: --no-deps keeps an older pip from looking past it, for extras, at newer versions.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	touch $@

demo: $(STAMP) ## play a whole move on the simulated world
	$(BIN)/python -m migrate.demo

test: $(STAMP) ## run every test that this machine can run, and say what it could not and why
	$(BIN)/python -m tests.lab build --if-possible
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow" -rs $(PYTEST_ARGS)

test-long: $(STAMP) ## run the long matrices too (marked slow)
	$(BIN)/python -m tests.lab build --if-possible
	$(BIN)/python -m pytest -n $(WORKERS) -m slow --timeout 3600 -rs $(PYTEST_ARGS)

check: $(STAMP) ## format, lint, types, layers, and whether what is generated is fresh
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m migrate.assess | diff -u docs/findings.md -
	$(BIN)/python -m migrate.replay | diff -u docs/rules.md -
	@for plan in $(RECORDED); do \
	  $(BIN)/cnimigrate runbook plans/$$plan.yaml --recorded plans/$$plan.blue.yaml --dir runbooks --check; done

runbooks: $(STAMP) ## render runbooks/ and the generated pages of docs/ again
	$(BIN)/python -m migrate.assess > docs/findings.md.new && mv docs/findings.md.new docs/findings.md
	$(BIN)/python -m migrate.replay > docs/rules.md.new && mv docs/rules.md.new docs/rules.md
	@for plan in $(RECORDED); do \
	  $(BIN)/cnimigrate runbook plans/$$plan.yaml --recorded plans/$$plan.blue.yaml --dir runbooks; done

format: $(STAMP) ## format the code, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lab: $(STAMP) ## bring up blue and green, two real control planes, in the background
	$(BIN)/python -m tests.lab up

lab-down: $(STAMP) ## take blue and green down again
	$(BIN)/python -m tests.lab down

lab-status: $(STAMP) ## say whether blue and green are up
	$(BIN)/python -m tests.lab status

bench: $(STAMP) ## measure; SIZE=big and COUNT=31000 ask for more
	$(BIN)/python -m tests.bench

lock: ## compose requirements.lock anew from pyproject.toml, newest versions, with hashes
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	$(PYTHON) -m venv $$tmp/venv; \
	$$tmp/venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	UV_CUSTOM_COMPILE_COMMAND="make lock" $$tmp/venv/bin/uv pip compile --quiet --upgrade --universal \
	  --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --output-file requirements.lock pyproject.toml

clean: ## remove .venv and the caches (the lab's built programs stay in the user's cache)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find migrate tests -name __pycache__ -prune -exec rm -rf {} +
