# The only door: every task, here and in CI, is one of these.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 3000
DATA ?= .herdbook
READY := $(VENV)/.ready
# Tests start hundreds of Python processes, which would each compile what they import.
unexport PYTHONDONTWRITEBYTECODE
STYLES := src/herdbook/web/static/app.css
STYLED := $(shell find src/herdbook/web/styles src/herdbook/web/templates src/herdbook/web/static/js src/herdbook/web/charts.py -type f)

.PHONY: up test coverage check format bench faults dist lock clean

## Start everything: http://127.0.0.1:$(PORT), data in $(DATA).
up: $(READY) $(STYLES)
	$(BIN)/herdbook up --port $(PORT) --data "$(DATA)" $(APP)

## Run the tests on real servers: all of them in parallel, or make test ARGS="tests/queue -x" as it says.
test: $(READY) $(STYLES)
	$(BIN)/python -m pytest $(or $(ARGS),--numprocesses logical --maxprocesses 8 --dist worksteal)

## Run the tests and show which lines and branches of the package they miss, in all processes.
coverage: $(READY) $(STYLES)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

## Format, lint, types, layers and sizes.
check: $(READY)
	$(BIN)/ruff format --check src tests benchmarks examples hatch_build.py
	$(BIN)/ruff check src tests benchmarks examples hatch_build.py
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/sizes.py

format: $(READY)
	$(BIN)/ruff format src tests benchmarks examples hatch_build.py
	$(BIN)/ruff check --fix src tests benchmarks examples hatch_build.py

## Measure: make bench ARGS="sustained --rounds 5 --json bench.json"; ARGS=--help tells what there is.
bench: $(READY) $(STYLES)
	$(BIN)/python -m benchmarks $(ARGS)

## Run the fault laboratory and write docs/reliability.md: make faults ARGS="worker --jobs 1000 --seed 7"; ARGS=--help.
faults: $(READY) $(STYLES)
	nice $(BIN)/python -m tests.faults $(ARGS)

## Build the source distribution, and the wheel from it, into dist/.
dist: $(READY)
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/python -m venv --clear $(VENV)/dist
	$(VENV)/dist/bin/pip install --quiet --disable-pip-version-check dist/*.whl
	$(VENV)/dist/bin/herdbook --version

## Pin the newest versions that pyproject.toml allows.
lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --extra builtin --extra embedded --extra tracing --group dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage* dist

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Herdbook needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# The look of the pages, made anew when one of them changes.
$(STYLES): $(READY) $(STYLED)
	$(BIN)/python hatch_build.py
	touch $@
