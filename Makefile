# Short names for the scripts, which also run without make.
.PHONY: help lab app test docs links demo format wheel clean

help:
	@echo "make lab      open JupyterLab on the first notebook"
	@echo "make app      open the explorer as an app in the browser"
	@echo "make test     check style and types, run all tests"
	@echo "make docs     build the site into docs/_build/html"
	@echo "make links    check the links of the site that lead elsewhere"
	@echo "make demo     segment the bundled scene into demo/"
	@echo "make format   format the code and apply the fixes of ruff"
	@echo "make wheel    build the wheel into dist/"
	@echo "make clean    remove the environment, builds and caches"

lab:
	scripts/lab

app:
	scripts/app

test:
	scripts/test

docs:
	scripts/docs

links:
	scripts/docs -b linkcheck

demo:
	scripts/env lab
	.venv/bin/ktextures demo -o demo --overwrite

format:
	scripts/env test
	.venv/bin/python -m ruff check --fix
	.venv/bin/python -m ruff format

wheel:
	scripts/env test
	.venv/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf .venv build dist demo docs/_build docs/gallery docs/api/generated .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
