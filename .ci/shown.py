"""Take over from finished runs what the project shows of them; python .ci/shown.py [NOTEBOOK …].

After `make demo` (and runs of photos and scratch, where there are). With names it executes these notebooks alone.

figures/ and data/results/ are copied. The stage notebooks get the outputs that the demo's run gave, small, under
sources that stay as they are; the reader notebooks are executed anew. `--check` does nothing of it: it says whether
the outputs of the stage notebooks belong to their sources.
"""

import base64
import hashlib
import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbdev.clean import nbdev_clean
from PIL import Image
from skimage.data import chelsea

from muscle.colour import overlay_label, overlay_maps
from muscle.infer import multiscale_cams
from muscle.photos import Labeller, label_alone, label_by_tags, numbers_of
from muscle.pictures import gallery
from muscle.run import Run

TOP = Path(__file__).resolve().parent.parent
STAGES = sorted((TOP / "nbs" / "stages").glob("*.ipynb"))
RECORD = TOP / "data" / "results" / "demo" / "stages.json"  # notebook → mark of the sources that its outputs are of
READERS = ("tour", "explore", "extend", "parity", "results", "performance")
FIGURES = ("chosen", "threshold_curve")  # README's
TABLES = (
    "seeds",
    "seeds_classes",
    "thresholds",
    "agreement",
    "curve",
    "segmentation",
    "segmentation_classes",
    "spread",
    "shares",
    "ablation_*",
)
MOST, WIDE = 2_500_000, 900  # bytes of all stage notebooks, pixels of a picture
TRUE = 0.7  # levels of 255 by which the colours of a drawing may be off in the mean
PICTURE = 120_000  # bytes of a picture in another notebook
SIZES = ((WIDE, 82), (WIDE, 68), (720, 68), (600, 60), (480, 50))  # width and JPEG quality, best first
WIDGET = "application/vnd.jupyter.widget-view+json"


def copy(run: str, kind: str, names: tuple[str, ...], end: str, target: Path) -> None:
    "Copy files of a run's folder by name."
    target.mkdir(parents=True, exist_ok=True)
    for path in (path for name in names for path in (TOP / "runs" / run / kind).glob(f"{name}{end}")):
        if not path.stem.endswith("_dark"):
            shutil.copy(path, target)


def photograph() -> None:
    "Draw the way of one photograph, a cat that scikit-image carries, through the networks that ship."
    labeller, image = Labeller(Run(TOP / "data" / "models" / "voc_lite"), "cpu"), chelsea()
    [cat] = numbers_of(labeller, ["cat"])
    names = ["background", *labeller.classes]
    cam, sgc = multiscale_cams(labeller.encoder, image, [cat], labeller.run.settings("cams").scales, labeller.here)
    pictures = {"photograph, tagged cat": image, "CAM": overlay_maps(image, cam.numpy(), [cat])}
    pictures |= {"SGC": overlay_maps(image, sgc.numpy(), [cat])}
    pictures |= {"label from the tag": overlay_label(image, label_by_tags(labeller, image, [cat]))}
    pictures |= {"label without tags": overlay_label(image, label_alone(labeller, image))}
    gallery([pictures], names, classes=[cat]).savefig(TOP / "figures" / "cat.png", dpi=160, bbox_inches="tight")


def execute(name: str) -> None:
    "Run a notebook; of its outputs only what a page can show is kept, and that small."
    path = TOP / "nbs" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}, store_widget_state=False).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(still, cell.outputs) if output.get("data") or output.get("text")]
    nbformat.write(notebook, path)
    nbdev_clean(str(path))


def still(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    "Leave of an output what a page can show: no widgets, no progress, no picture over the limit."
    data = output.get("data", {})
    if data.pop(WIDGET, None) and not any(kind.startswith("image/") for kind in data):
        data.clear()
    if output.get("name") == "stderr":
        output.text = ""
    for kind in ("image/png", "image/jpeg"):
        if (picture := data.get(kind)) and len(picture) * 3 // 4 > PICTURE:
            del data[kind]
            tried = (smaller(picture, *size) for size in SIZES)
            kind, picture = next(
                (one for one in tried if len(one[1]) * 3 // 4 <= PICTURE), smaller(picture, *SIZES[-1])
            )
            data[kind] = picture
    return output


def outputs(notebook: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    "List a notebook's outputs."
    yield from (output for cell in notebook.cells for output in cell.get("outputs", ()))


def mark(notebook: nbformat.NotebookNode) -> str:
    "Hash what a notebook runs."
    given = lambda cell: "parameters" in cell.metadata.get("tags", ())  # papermill hands in the values
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not given(cell)]
    return hashlib.sha1(json.dumps(code).encode()).hexdigest()[:16]


def smaller(png: str, width: int, quality: int) -> tuple[str, str]:
    "Give a picture's type and content, base64: PNG of 256 colours where that keeps the colours true, else JPEG."
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture.thumbnail((width, 10 * width), Image.Resampling.LANCZOS)
    drawing, content = picture.quantize(256, dither=Image.Dither.NONE), io.BytesIO()
    error = np.abs(np.asarray(picture, int) - np.asarray(drawing.convert("RGB"), int)).max(-1).mean()
    if error < TRUE:
        drawing.save(content, "PNG", optimize=True)
    else:
        picture.save(content, "JPEG", quality=quality, optimize=True, progressive=True)
    return "image/png" if error < TRUE else "image/jpeg", base64.b64encode(content.getvalue()).decode()


def executed(source: Path) -> nbformat.NotebookNode:
    "Read what the demo's run made of a stage notebook, without papermill's cell; refuse one of other sources."
    path = TOP / "runs" / "demo" / "notebooks" / source.name
    if not path.exists():
        sys.exit(f"{path} is missing: make demo")
    made = nbformat.read(path, as_version=4)
    made.cells = [cell for cell in made.cells if "injected-parameters" not in cell.metadata.get("tags", ())]
    if mark(made) != mark(nbformat.read(source, as_version=4)):
        sys.exit(f"{source.name} is not what {path} ran: make demo, then make shown")
    return made


def with_outputs(source: Path, size: tuple[int, int]) -> nbformat.NotebookNode:
    "Put the run's outputs under a stage notebook's sources."
    notebook, made = nbformat.read(source, as_version=4), executed(source)
    code = lambda book: [cell for cell in book.cells if cell.cell_type == "code"]
    for cell, other in zip(code(notebook), code(made)):
        cell.outputs = [output for output in other.outputs if output.get("name") != "stderr"]
    for output in outputs(notebook):
        data = output.get("data", {})
        data.pop(WIDGET, None)
        if png := data.pop("image/png", None):
            kind, content = smaller(png, *size)
            data[kind] = content
            output.metadata[kind] = output.metadata.pop("image/png", {})
    return notebook


def show_stages() -> None:
    "Write all stage notebooks with outputs, as fine as their limit allows, and remember what they are of."
    for size in SIZES:
        notebooks = {path: with_outputs(path, size) for path in STAGES}
        if sum(len(nbformat.writes(notebook).encode()) for notebook in notebooks.values()) < MOST:
            break
    for path, notebook in notebooks.items():
        nbformat.write(notebook, path)
        nbdev_clean(str(path))
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps({path.stem: mark(notebook) for path, notebook in notebooks.items()}, indent=1) + "\n")


def check() -> list[str]:
    "List what is wrong with the outputs that the stage notebooks are committed with."
    known = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    wrong = []
    for path in STAGES:
        notebook = nbformat.read(path, as_version=4)
        if mark(notebook) != known.get(path.stem):
            wrong.append(f"{path.name}: its outputs are of other sources: make demo, then make shown")
        elif not any(outputs(notebook)):
            wrong.append(f"{path.name}: shows nothing: make shown")
        if any(output.output_type == "error" for output in outputs(notebook)):
            wrong.append(f"{path.name}: shows an error")
    parity = nbformat.read(TOP / "nbs" / "parity.ipynb", as_version=4)
    if any("mean nothing" in output.get("text", "") for output in outputs(parity)):
        wrong.append(
            "parity.ipynb: its numbers are of untrained networks: muscle_run scratch, then .ci/shown.py parity"
        )
    size = sum(path.stat().st_size for path in STAGES)
    return wrong + [f"the stage notebooks take {size:,} bytes, more than {MOST:,}"] * (size > MOST)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit("\n".join(check()) or None)
    if names := sys.argv[1:]:
        for name in names:
            execute(name)
        sys.exit()
    copy("demo", "figures", FIGURES, ".png", TOP / "figures")
    for run, names in (("demo", TABLES), ("scratch", ("ablation_*",)), ("photos", TABLES)):
        copy(run, "tables", names, ".csv", TOP / "data" / "results" / run)
    show_stages()
    photograph()
    for name in READERS:
        if name != "parity" or (TOP / "runs" / "scratch" / "run.json").exists():  # it measures on that run's networks
            execute(name)
