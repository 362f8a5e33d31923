# `make` alone lists the targets. Every target first makes the environment in .venv where it is missing or out of date.

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PYTHON ?= python3
ARGS   ?=

# One thread per test process: two processes on two cores are faster than each of them fighting over both.
THREADS := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help setup demo app test lint types notebooks api bench parity constraints clean
.DELETE_ON_ERROR:

## help: list the targets
help:
	@awk -F': ' '/^## [a-z]+: /{printf "  make %-12s %s\n", substr($$1, 4), substr($$0, length($$1) + 3)}' $(MAKEFILE_LIST)

## setup: make .venv with everything the other targets need (PYTHON=python3.12 chooses the interpreter)
setup: $(STAMP)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "python: expected 3.11 or newer, got $$($(PYTHON) --version 2>&1) ($(PYTHON)). Fix: make setup PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)

# uv resolves and installs in seconds what takes pip minutes; where it is not at hand, pip fetches it into .venv.
$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@uv --version >/dev/null 2>&1 || $(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@PATH="$(abspath $(BIN)):$$PATH" && \
	  uv pip install --python $(BIN)/python --constraint constraints.txt --editable '.[app,notebooks,s3,export,dev]'
	@touch $@

## demo: the main job on the embedded data: two models, their ensemble, the scores, a workspace
demo: $(STAMP)
	$(BIN)/vspw demo $(ARGS)

## app: open the app on the workspace
app: $(STAMP)
	$(BIN)/streamlit run app.py $(ARGS)

## test: all tests and doctests (ARGS="tests/labels -k palette" for some)
test: $(STAMP)
	$(THREADS) $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

## lint: style, formatting, and notebooks without saved output
lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb

## types: static types
types: $(STAMP)
	$(BIN)/mypy

## notebooks: make the notebooks from their sources, run them, and write what they show to docs/notebooks
notebooks: $(STAMP)
	$(THREADS) $(BIN)/python notebooks/render.py --docs

## api: the API reference, made of the docstrings, into build/api (open build/api/index.html)
api: $(STAMP)
	$(BIN)/pdoc --docformat google --no-show-source --output-directory build/api vspwlib '!vspwlib.cli'

## bench: run every benchmark, one after the other
bench: $(STAMP)
	@ls benchmarks/*.py >/dev/null
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

## parity: only the tests that compare with reference material in ../shared; fails without it
parity: $(STAMP)
	VSPW_REQUIRE_SHARED=1 $(THREADS) $(BIN)/python -m pytest -m parity $(ARGS)

## constraints: write constraints.txt anew from the newest releases that pyproject.toml admits
constraints: $(STAMP)
	@PATH="$(abspath $(BIN)):$$PATH" && uv pip compile --quiet --upgrade --all-extras --python-version 3.11.0 \
	  --no-header --no-annotate --output-file $(VENV)/resolved.txt pyproject.toml
	@{ grep '^#' constraints.txt; sed -E 's/\+[^ ]*//; s/ *;.*//' $(VENV)/resolved.txt; } > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt

## clean: remove caches and build products; .venv and workspaces stay
clean:
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
