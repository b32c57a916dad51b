# Needs make and Python 3.11 or later; everything else goes into $(VENV).

PYTHON ?= python3
VENV ?= .venv
NIGHTCREW_PYTEST_ARGS ?=
# Two for each processor: most of the time tests wait for processes, brokers and databases.
TEST_PROCESSES ?= $(shell n=$$(nproc 2> /dev/null || echo 2); echo $$((n < 4 ? 2 * n : 8)))

OPERATOR_KINDS := tests/support/operators
DISTRIBUTIONS := shared services/calmanager services/ingest services/planner services/reducer services/simulator cli
STAMP := $(VENV)/.nightcrew-installed
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test soak lint audit bench accuracy profiles docs clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1#\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='#' read -r target text; do \
		printf '%-16s %s\n' "$$target" "$$text"; done

setup: $(STAMP) ## Install the distributions and the tools into .venv (every other target does so by itself)

$(STAMP): pyproject.toml constraints.txt $(DISTRIBUTIONS:%=%/pyproject.toml)
	@command -v $(PYTHON) > /dev/null || { \
		echo "make: no $(PYTHON) here; name a Python 3.11 or later with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: $$($(PYTHON) --version 2>&1) is too old; name a Python 3.11 or later with PYTHON=..." >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): a minute or two ..."
	@$(PYTHON) -m venv $(VENV) || { \
		echo "make: $(PYTHON) cannot make virtual environments; install its venv module (Debian: python3-venv)" >&2; exit 1; }
	@$(PIP) install --upgrade -c constraints.txt pip hatchling
	@$(PIP) install --no-build-isolation -c constraints.txt --group dev $(DISTRIBUTIONS:%=-e %)
	@$(BIN)/python -m compileall -q $(DISTRIBUTIONS)
	@echo "$(VENV) is ready: $$($(BIN)/python -m pip list --format freeze 2> /dev/null | wc -l | tr -d ' ') packages."
	@touch $@

demo: $(STAMP) ## Simulate the NIRI tutorial night into demo/raw and reduce it into demo/products
	@rm -rf demo/raw demo/products
	$(BIN)/nightcrew simulate niri demo/raw
	$(BIN)/nightcrew night demo/raw --out demo/products

# Published schemas of the operators' kinds; without npm the tests that need them are skipped, and say so.
$(OPERATOR_KINDS)/node_modules/.package-lock.json: $(OPERATOR_KINDS)/package-lock.json
	@if ! command -v npm > /dev/null; then echo "make: no npm here, so kinds of operators are not checked" >&2; \
	elif ! npm ci --prefix $(OPERATOR_KINDS) --ignore-scripts --no-audit --no-fund --loglevel error > /dev/null; then \
		echo "make: npm could not install $<, so kinds of operators are not checked" >&2; fi

test: $(STAMP) $(OPERATOR_KINDS)/node_modules/.package-lock.json ## Run the tests: unit, integration, whole nights (NIGHTCREW_PYTEST_ARGS goes to pytest)
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --cov --cov-report=term $(NIGHTCREW_PYTEST_ARGS)

soak: $(STAMP) ## Run the tests that take minutes: more kills, many files, many jobs, memory (NIGHTCREW_PYTEST_ARGS goes to pytest)
	@$(BIN)/python -m pytest -m soak $(NIGHTCREW_PYTEST_ARGS)

audit: $(STAMP) ## Ask for known vulnerabilities of everything that is pinned; exit 3 where nobody can be asked
	@$(BIN)/python tools/audit.py

lint: $(STAMP) ## Check style, types, the walls between the distributions, and that the reference pages are up to date
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/reference_pages.py --check

bench: $(STAMP) ## Measure time and memory of the tutorial night; writes bench.json
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.bench $(BENCH_ARGS)

accuracy: $(STAMP) ## Compare a reduced night with the simulator's truth; rewrites docs/explanation/accuracy.md
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.accuracy $(ACCURACY_ARGS)

profiles: $(STAMP) ## Measure what each step of the profile best buys; rewrites the tables of docs/explanation/deviations.md
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.profiles $(PROFILES_ARGS)

docs: $(STAMP) ## Rewrite the reference pages that are made from the code
	@$(BIN)/python tools/reference_pages.py

clean: ## Remove what the other targets made, .venv included
	@rm -rf $(VENV) demo bench.json $(OPERATOR_KINDS)/node_modules htmlcov .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find $(firstword $(DISTRIBUTIONS)) services cli tests -name __pycache__ -type d -prune -exec rm -rf {} +
