# `make` explains itself: every target carries its sentence after `##`.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
PYTHON313 ?= python3.13
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
PYTEST := $(BIN)/python -m pytest
UV_VERSION := 0.13.8

JUDGES := .venv-judges
JUDGES_READY := $(JUDGES)/.ready
FREQTRADE := .venv-freqtrade
FREQTRADE_READY := $(FREQTRADE)/.ready

.PHONY: help setup judges freqtrade demo test verify verify-heavy verify-python313 verify-browser check bench docs lock clean

help: ## Show what there is
	@echo "Two commands do everything:  make demo   make test"
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "PYTHON=$(PYTHON) picks the interpreter (3.11 or later), VENV=$(VENV) where it is set up,"
	@echo "WORKERS=$(WORKERS) the number of test processes."

setup: $(READY) ## Make the virtual environment (the second time costs nothing)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is missing or older than Python 3.11: install a newer one, or name it with 'make PYTHON=/path/to/python3'." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module with pip: on Debian and Ubuntu run 'apt-get install python3-venv', then try again." >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): about a minute, once."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

judges: $(JUDGES_READY) ## Install the third-party clients that judge the local exchange, beside the project

$(JUDGES_READY): tests/judges/requirements.lock
	@$(PYTHON) -m venv $(JUDGES)
	@$(JUDGES)/bin/python -m pip --disable-pip-version-check -qq install --require-hashes --only-binary :all: -r $<
	@touch $@

freqtrade: $(FREQTRADE_READY) ## Install a bot that trades at the local exchange in the heavy proofs, beside the project

# sdnotify has no wheel; it is one file, and its hash is in the lock as well.
$(FREQTRADE_READY): tests/judges/freqtrade.lock
	@$(PYTHON) -m venv $(FREQTRADE)
	@$(FREQTRADE)/bin/python -m pip --disable-pip-version-check -qq install --require-hashes --only-binary :all: --no-binary sdnotify -r $<
	@touch $@

demo: setup ## Make a sample market, backtest the cascade on it, write the report
	@$(BIN)/ballast demo

test: setup judges ## Run the whole test suite
	$(PYTEST) -n $(WORKERS) --dist worksteal

verify: check verify-heavy verify-python313 verify-browser ## Run the heavy proofs: what takes longer than a test should

verify-heavy: setup judges freqtrade
	$(PYTEST) -n $(WORKERS) --dist worksteal -m "verify and not browser"; status=$$?; [ $$status -eq 5 ] || exit $$status

verify-python313: ## Run the test suite on Python 3.13, if the machine has it
	@for python in $(PYTHON313) $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.13*/bin/python3.13; do \
		$$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || continue; \
		exec $(MAKE) --no-print-directory test PYTHON=$$python VENV=$(VENV)-3.13; \
	done; \
	echo "Skipped Python 3.13: $(PYTHON313) does not run here. 'make verify PYTHON313=/path/to/python3.13' names one."

verify-browser: setup ## Open the report in Chromium, if it can be found or installed
	@browser=$$(.ci/chromium) && BALLAST_CHROMIUM="$$browser" $(PYTEST) -m browser; status=$$?; \
	case $$status in 3) echo "Skipped the browser: Chromium is neither on this machine nor can it be installed." ;; \
	5) echo "No browser proofs yet." ;; *) exit $$status ;; esac

check: setup ## Lint, format, types, import contract, examples in the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) -q src docs README.md tests/architecture/test_documentation.py

bench: setup ## Time the hot paths; results are explained in benchmarks/RESULTS.md
	@$(BIN)/python benchmarks/run.py --quick

docs: setup ## Write the generated pages of the documentation anew
	$(BIN)/python -m ballast.cli.documentation docs

lock: setup ## Resolve the dependencies anew, for Python 3.11 to 3.13
	@$(PIP) install uv==$(UV_VERSION)
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --fork-strategy fewest \
		--upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet -o requirements.lock
	$(BIN)/uv pip compile --group judges --universal --python-version 3.11 --fork-strategy fewest \
		--upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
		-o tests/judges/requirements.lock
	$(BIN)/uv pip compile --group freqtrade --universal --python-version 3.11 --fork-strategy fewest \
		--upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
		-o tests/judges/freqtrade.lock

clean: ## Remove what the other targets made
	rm -rf .venv .venv-3.13 .venv-judges .venv-freqtrade build dist demo .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
