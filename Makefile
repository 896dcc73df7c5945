# Needs python3 (3.11 or newer), make and a C compiler; everything else is set up in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# One stamp for what the tool needs to run, one for what developers need besides.
RUNTIME := $(VENV)/.installed
DEV     := $(VENV)/.installed-dev

# Every command would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup verify test slow chaos lint format bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "oneleader needs Python 3.11 or newer; say which with: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	    || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment (on Debian: apt install python3-venv)" >&2; exit 1; }

$(RUNTIME): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[prove,generate]'
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(RUNTIME)

setup: $(DEV) ## create .venv with all that development needs

verify: $(RUNTIME) ## check Raft's election on 3, 4 and 5 nodes, then prove it for these and for any number
	$(BIN)/oneleader check spec/protocols/raft.elect
	$(BIN)/oneleader prove spec/protocols/raft.elect --out build/raft-proof

test: $(DEV) ## the tests, but for the slow ones
	$(BIN)/python -m pytest -n 2 -m "not slow"

slow: $(DEV) ## the slow tests
	$(BIN)/python -m pytest -n 2 -m slow

chaos: $(DEV) ## an hour of faults on real nodes; more kinds of them as root
	$(BIN)/python -m tests.chaos --seconds 3600

lint: $(DEV) ## style, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

format: $(DEV) ## put the code in its canonical form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(DEV) ## time explorer and proofs beside their peers, and plot growth (needs rumur, spin and gcc)
	@failed=0; for each in "explorer --save docs/explorer.json --document" growth \
	    "proofs --save docs/proofs-bench.json --document"; do \
	    echo "python -m bench.$$each"; $(BIN)/python -m bench.$$each || failed=1; \
	done; exit $$failed

lock: ## choose anew the releases that constraints.txt pins
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[dev,compiler]'
	{ sed -n '/^#/p' constraints.txt; build/lock/bin/python -m pip freeze --exclude-editable; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/lock

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
