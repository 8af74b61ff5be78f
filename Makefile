# `make demo` and `make test` are all the set-up there is: each makes .venv first.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test test-lab bench-check lab readme shown clean

demo: .venv/ready            ## the nine stages on built-in data
	muscle_run demo

test: .venv/ready            ## notebooks, a smoke run, the clean tree
	./.ci/test

test-lab: .venv/ready        ## the widgets in JupyterLab, driven by a real browser
	python -m pytest -q nbs/tests/test_lab.py

bench-check: .venv/ready     ## has a quick row lost a quarter of its speed against its plain form? two minutes
	muscle_bench --check data/bench.json

lab: .venv/ready             ## JupyterLab on the notebooks
	jupyter lab --notebook-dir=. nbs/explore.ipynb

readme: .venv/ready          ## README.md from nbs/index.ipynb
	python .ci/readme.py

.venv/ready: settings.ini setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m ipykernel install --sys-prefix --name python3 --display-name "Python 3 (muscle)"
	touch $@

shown: .venv/ready           ## after new runs: figures/, data/results/ and the reader notebooks from them
	python .ci/shown.py

clean:                       ## the environment; runs and data stay
	rm -rf .venv build *.egg-info
