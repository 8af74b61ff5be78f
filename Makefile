# `make demo` and `make test` are all the set-up there is: each makes .venv first.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: ready demo test test-lab bench-check lab site readme shown clean

ready: .venv/ready           ## the environment alone

demo: .venv/ready            ## the nine stages on built-in data
	muscle_run demo

test: .venv/ready            ## notebooks, a smoke run, the clean tree
	./.ci/test

test-lab: .venv/ready        ## the widgets in JupyterLab, driven by a real browser
	python -m pytest -q nbs/tests/test_lab.py

bench-check: .venv/ready     ## has a quick row lost a quarter of its speed against its plain form? two minutes
	muscle_bench --check data/bench.json

lab: .venv/ready             ## JupyterLab on the notebooks, the tour first
	jupyter lab --notebook-dir=. nbs/tour.ipynb

site: .venv/ready            ## the notebooks as web pages in build/site/html, to be opened without a server
	python site/pages.py build/site/pages
	python -m sphinx -q -W --keep-going -c site build/site/pages build/site/html

readme: .venv/ready          ## README.md from nbs/index.ipynb
	python .ci/readme.py

.venv/ready: settings.ini setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev,site]'
	$(BIN)/python -m ipykernel install --sys-prefix --name python3 --display-name "Python 3 (muscle)"
	touch $@

shown: .venv/ready           ## after new runs: figures/, data/results/ and the reader notebooks from them
	python .ci/shown.py

clean:                       ## the environment; runs and data stay
	rm -rf .venv build *.egg-info
