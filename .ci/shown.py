"""Take over from runs/demo (and runs/voc_sample, where there is one) what the project shows of them: figures/, data/results/, and the reader notebooks executed anew; python .ci/shown.py"""
import shutil
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbdev.clean import nbdev_clean

project = Path(__file__).resolve().parent.parent
FIGURES = ("chosen", "pseudo_labels", "cases", "class_iou", "irn", "affinity", "beacon", "matched_regions", "threshold_curve", "training_encoder")
TABLES = ("seeds", "seeds_classes", "thresholds", "agreement", "curve", "segmentation", "segmentation_classes", "ablation_*")


def copy(run: str, kind: str, names: tuple[str, ...], end: str, target: Path) -> None:
    "Files of a run's folder, by name"
    target.mkdir(parents=True, exist_ok=True)
    for path in (path for name in names for path in (project / "runs" / run / kind).glob(f"{name}{end}")):
        if not path.stem.endswith("_dark"): shutil.copy(path, target)


def execute(name: str) -> None:
    "Run a reader notebook; of each widget only the still picture is kept"
    path = project / "nbs" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}, store_widget_state=False).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()): output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    nbformat.write(notebook, path)
    nbdev_clean(str(path))


copy("demo", "figures", (*FIGURES, "ablation_*"), ".png", project / "figures")
for run in ("demo", "voc_sample"): copy(run, "tables", TABLES, ".csv", project / "data" / "results" / run)
for name in ("explore", "parity", "results", "performance"): execute(name)
