# make train   set up and train the first network        make test    set up and run the checks
# make setup   only the environment in .venv             make clean   remove what was built
#
# Everything is installed in .venv, with uv where it works, else with a uv of its own.
# PYTHON=python3.12 make train   picks the interpreter (3.11 to 3.13).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?= -n 2 --durations=25

# Without compiled modules the import of torch takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: train test setup check clean

train: $(VENV)/.ready
	@$(BIN)/dltui train vision/cnn-digits

test: $(VENV)/.ready-to-test check
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt install.sh
	@PYTHON="$(PYTHON)" sh install.sh "$(VENV)" all
	@touch $@

$(VENV)/.ready-to-test: $(VENV)/.ready
	@PYTHON="$(PYTHON)" sh install.sh "$(VENV)" all,test
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
