# The menu. Everything is installed into .venv; only Python 3.11+ with pip, git and make are needed.
SHELL := /bin/sh
BIN := .venv/bin
MAKEFLAGS += --no-print-directory
export PYTHON UPGRADE
.DEFAULT_GOAL := help
.PHONY: help demo dev check test bench lock clean

help:  ## this menu
	@echo "heyi 合益 — make …"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12

demo:  ## set up, start everything with a demo alliance, sell one order (RESET=1: afresh)
	@bin/setup demo
	@$(BIN)/heyi demo $(if $(RESET),--reset)

dev:  ## set up all tools, then start heyi to work on it
	@bin/setup dev
	@$(BIN)/heyi up

check:  ## format, lint, types, import contracts, tidiness
	@bin/setup dev
	@echo "==> format"  && $(BIN)/ruff format --check .
	@echo "==> lint"    && $(BIN)/ruff check .
	@echo "==> types"   && $(BIN)/mypy --strict src
	@echo "==> imports" && $(BIN)/lint-imports
	@echo "==> tidy"    && $(BIN)/python -m pytest tests/tidy

# Two files at a time, and the storm by itself, so that its figures are its own.
test:  ## every test (ARGS="tests/app -x": some of them, one after the other)
	@bin/setup dev
ifdef ARGS
	@echo "==> tests: $(ARGS)"
	@$(BIN)/python -m pytest -ra --durations=5 $(ARGS)
else
	@echo "==> tests"
	@failed=0; \
	$(BIN)/python -m pytest -ra --durations=10 -n 2 --dist loadfile --ignore tests/chaos || failed=1; \
	$(BIN)/python -m pytest -ra tests/chaos || failed=1; \
	exit $$failed
endif

bench:  ## speed, measured on this machine
	@bin/setup dev
	@$(BIN)/python -m bench $(ARGS)

lock:  ## resolve the dependencies anew (UPGRADE=1: to their newest versions)
	@bin/lock

clean:  ## remove .venv and caches; the data in .heyi stay (make demo RESET=1 deletes those)
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
