# Every target does its own set-up and says what it does.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The two documents the project started from, when they lie beside the checkout; else what we ship.
SOURCES := $(wildcard ../shared/playbook)
OURS := knowledge/playbook knowledge/sop knowledge/crisis knowledge/members
PLAYBOOK ?= $(SOURCES) $(OURS)
COPILOT_HOME ?= .copilot
export COPILOT_HOME

.PHONY: demo test lint bench eval packages clean

demo: $(VENV)/.run  ## index the playbook and serve the console and the API
	@echo "== Indexing $(PLAYBOOK)"
	@$(BIN)/copilot index $(PLAYBOOK)
	@echo "== Serving; stop with Ctrl-C"
	@$(BIN)/copilot serve

test: $(VENV)/.dev packages  ## run every test against real parts
	$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

eval: $(VENV)/.dev  ## measure retrieval, answers and refusal on the dev split
	$(BIN)/python -m evals

bench: $(VENV)/.dev  ## measure times and memory
	$(BIN)/python -m evals.bench

packages:  ## Debian packages the tests use: a browser, a database server, Chinese fonts
	@sh .ci/packages

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: constraints.txt pyproject.toml | $(VENV)/bin/pip
	@echo "== Installing (a few minutes the first time)"
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: constraints.txt pyproject.toml | $(VENV)/bin/pip
	@echo "== Installing, with what tests and checks need (a few minutes the first time)"
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

clean:  ## remove what make made, and the demo's home
	rm -rf $(VENV) .copilot .mypy_cache .ruff_cache .pytest_cache .hypothesis logs evals/out
