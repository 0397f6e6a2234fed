# The commands of the README: `make demo`, `make stack` and `make test` set themselves up in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo stack test lint wheel clean

demo: $(STAMP)
	$(BIN)/driftwatch demo $(if $(KEEP),--keep,)

stack: $(STAMP)
	$(BIN)/driftwatch stack $(STACK)

test: $(STAMP)
	$(BIN)/python -m pytest $(PYTEST)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: $(STAMP)
	$(BIN)/python -m build --wheel --outdir dist .

$(STAMP): pyproject.toml constraints.txt setup.sh
	./setup.sh "$(PYTHON)" "$(VENV)"
	touch $@

clean:
	rm -rf $(VENV) dist demo-state stack-state
