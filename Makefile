# Needs Python 3.11 or newer, pip and make; everything else goes into .venv, from requirements.txt alone.
SHELL := /bin/bash
PYTHON ?= python3
DEMO ?= demo
BIN := .venv/bin

.PHONY: help demo test check bench lock defaults

help:
	@echo "make demo      simulate the toy cohort into $(DEMO)/ and run the whole workflow on it"
	@echo "make test      all tests (set SCLEROMYOMICS_REAL_DATA for those on real data)"
	@echo "make check     formatting, lint and types"
	@echo "make bench     calibration, speed and scale, written to benchmarks/results/"
	@echo "make defaults  regenerate config/ from the models"
	@echo "make lock      regenerate requirements.txt from pyproject.toml (needs uv)"

# Made once: a copy of the lock beside the environment says what it was made from.
.venv/lock: requirements.txt pyproject.toml
	@echo "Setting up .venv (once; downloads about 300 MB)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "error: $(PYTHON) is older than 3.11; set PYTHON=python3.11 or newer"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@cp requirements.txt "$@"

demo: .venv/lock
	@if [ -d "$(DEMO)/truth" ]; then rm -rf "$(DEMO)"; fi
	$(BIN)/scleromyomics simulate "$(DEMO)"
	$(BIN)/scleromyomics check "$(DEMO)"
	$(BIN)/scleromyomics run "$(DEMO)"

test: .venv/lock
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: .venv/lock
	$(BIN)/ruff format --check scripts tests benchmarks
	$(BIN)/ruff check scripts tests benchmarks
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules

bench: .venv/lock
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

defaults: .venv/lock
	$(BIN)/python -m scleromyomics.plan.defaults

lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	    --custom-compile-command "make lock" --output-file requirements.txt
