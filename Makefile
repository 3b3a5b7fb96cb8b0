# `make demo` and `make test` set up everything they need in .venv: Python 3.11 or newer and make are enough.
# TORCH=... installs another build (a GPU one, say); TORCH= installs none and keeps what .venv has.

# The first that runs: a shim on the path may stand for a version that is not installed.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3; do \
            $$each -c 'import venv' 2>/dev/null && echo $$each && break; done)
TORCH ?= torch==2.13.0
BIN := .venv/bin

.PHONY: setup demo test lint types zoo fuzz faults gpu bench corpus docs site clean

setup: .venv/ready

# One stamp for the whole environment: it is rebuilt when what is installed into it changes.
.venv/ready: pyproject.toml Makefile
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(if $(TORCH),$(BIN)/python -m pip install --quiet '$(TORCH)')
	$(BIN)/python -m pip install --quiet --editable '.[torch,dev]'
	touch $@

demo: setup
	$(BIN)/archcalc report specs/resnet50.yaml --depth 1
	$(BIN)/archcalc verify specs/resnet50.yaml

test: lint types
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

zoo: setup
	$(BIN)/python -m pytest -m zoo --numprocesses auto --maxprocesses 4

fuzz: setup
	$(BIN)/python -m pytest -m fuzz

faults: setup
	$(BIN)/python -m tests.faults

# All that needs a GPU, in 8 minutes; see docs/gpu.md. Where nothing can be installed, scripts/gpu.sh does the same.
gpu: setup
	$(BIN)/python -m gpu run

# The tools beside which archcalc is measured have an environment of their own.
.peers/ready: pyproject.toml Makefile
	$(PYTHON) -m venv .peers
	$(if $(TORCH),.peers/bin/python -m pip install --quiet '$(TORCH)')
	.peers/bin/python -m pip install --quiet --editable '.[torch]' torchinfo fvcore accelerate thop calflops transformers \
	    onnx onnx-tool torch-kitsune torch-preflight
	touch $@

bench: .peers/ready
	.peers/bin/python -m benchmarks

# An environment of its own: nothing else needs these libraries. The results are benchmarks/corpus.csv and agreement.csv.
corpus:
	$(PYTHON) -m venv .corpus
	$(if $(TORCH),.corpus/bin/python -m pip install --quiet '$(TORCH)')
	.corpus/bin/python -m pip install --quiet --editable '.[torch]' torchvision==0.28.0 timm==1.0.31 transformers==5.24.0
	.corpus/bin/python -m benchmarks.corpus
	.corpus/bin/python -m benchmarks.agreement

docs: setup
	$(BIN)/python -m docs

# The playground, for any web server. npm brings pyodide: Python for browsers.
site: setup
	npm install --silent --no-save --prefix .site pyodide@314.0.7
	$(BIN)/python -m docs.site .site/node_modules/pyodide

# Builds the distributions, and uses the wheel in a fresh environment.
release: setup
	$(BIN)/python -m release --whole

clean:
	rm -rf gpu-run .venv .corpus .peers .site site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
