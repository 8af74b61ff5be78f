"""Run nbs/explore.ipynb on a trained run and keep of each widget the still picture alone: python .ci/tour.py"""
from pathlib import Path

import nbformat
from nbclient import NotebookClient

path = Path(__file__).resolve().parent.parent / "nbs" / "explore.ipynb"
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}, store_widget_state=False).execute()
for cell in notebook.cells:
    for output in cell.get("outputs", ()): output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
nbformat.write(notebook, path)
