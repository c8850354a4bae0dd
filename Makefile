# Needs Python 3.11 or newer, and nothing else.
#
#   make demo    run the blog of examples/blog, on a database of its own; PORT=5001 chooses the port (5000)
#   make test    run all tests; PYTEST_ARGS="-k name -x" chooses among them
#   make soak    run the long tests
#   make lint    ruff, mypy and pyright
#   make translations    compile the catalogues (*.po) after a change; the compiled ones are in the repository
#   make bench   measure the speed beside other layers; BENCH_ARGS="--quick --peer mongoengine" chooses
#   make docs    build the documentation into docs/_build/html
#   make clean   remove all of what the others made
#
# PYTHON=/path/to/python chooses the Python. The environment is .venv; it follows setup.py.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test soak lint ruff mypy pyright translations bench docs clean

override PORT := $(or $(strip $(PORT)),5000)
PYTEST_ARGS ?=
BIN := $(CURDIR)/.venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq --no-input --root-user-action=ignore

help:
	@sed -n 's/^#   //p' Makefile

demo: .venv/.demo
	@if $(BIN)/python -c "import socket; socket.create_connection(('$${HOST:-127.0.0.1}', $(PORT)), 1)" 2>/dev/null; then \
		echo "Port $(PORT) is taken. Choose another: make demo PORT=$$(($(PORT) + 1))" >&2; exit 1; fi
	@echo "The blog starts, and tells its address when it is ready. Ctrl-C stops it; its data stays."
	@cd examples/blog && PORT=$(PORT) exec $(BIN)/python app.py

test: .venv/.test
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

soak: .venv/.test .venv-swift/.made
	$(BIN)/python -m pytest -m soak -o faulthandler_timeout=1800 --hypothesis-profile=soak $(PYTEST_ARGS)

lint: ruff mypy pyright

ruff: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

mypy: .venv/.dev
	$(BIN)/mypy --strict quorum

pyright: .venv/.dev
	$(BIN)/pyright quorum

translations: .venv/.test
	$(BIN)/pybabel -q compile -d quorum/translations -D quorum
	$(BIN)/pybabel -q compile -d examples/blog/blog/translations

bench: .venv-bench/.main .venv-bench/.beanie
	.venv-bench/main/bin/python -m benchmarks $(BENCH_ARGS)

docs: .venv/.docs
	$(BIN)/sphinx-build -W --keep-going -q -E -b html docs docs/_build/html
	@echo "The documentation is in docs/_build/html/index.html"

clean:
	rm -rf .venv .venv-bench .venv-swift build dist docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra that was installed: `make demo` need not wait for what only tests use.
.venv/.%: setup.py | .venv/.made
	@echo "Installing quorum[$*] into .venv ..."
	@$(PIP) --editable ".[$*]"
	@touch $@

# Peers that do not agree on the versions of packages have environments of their own.
.venv-bench/.%: benchmarks/requirements-%.txt setup.py
	@echo "Installing the peers of benchmarks/requirements-$*.txt into .venv-bench/$* ..."
	@mkdir -p .venv-bench
	@PYTHON="$(PYTHON)" ./.ci/make-environment .venv-bench/$*
	@$(subst .venv/bin,.venv-bench/$*/bin,$(PIP)) --editable ".[embedded,json]" -r $<
	@touch $@

# OpenStack Swift needs an older setuptools.
.venv-swift/.made: tests/requirements-swift.txt
	@echo "Installing OpenStack Swift into .venv-swift ..."
	@PYTHON="$(PYTHON)" ./.ci/make-environment .venv-swift
	@$(subst .venv/bin,.venv-swift/bin,$(PIP)) -r $<
	@touch $@

.venv/.made:
	@PYTHON="$(PYTHON)" ./.ci/make-environment .venv
	@touch $@
