"""muscle_export on a finished run: each kind is read back and held against the run's labels; and what it refuses."""

import json
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import PROJECT, command
from PIL import Image
from pycocotools.coco import COCO

from muscle.devkit import read_label, write_label
from muscle.export import EXPORTS, by_uncertainty, final_labels
from muscle.layouts import open_devkit
from muscle.photos import give_away
from muscle.run import Run
from muscle.view import file_of


@pytest.fixture(scope="module")
def exported(smoke, tmp_path_factory):
    "Export the run once as each kind; the folders."
    made = {}

    def folder(kind):
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp("export") / kind
            done = command("muscle_export", smoke, "--to", kind, "--out", made[kind])
            assert done.returncode == 0 and "Traceback" not in done.stderr, done.stdout + done.stderr
            assert "32 labels (24 of train_aug, 8 of val)" in done.stdout
        return made[kind]

    return folder


@pytest.fixture(scope="module")
def labels(smoke):
    "Every final label, from the run's own files: pseudo labels after the CRF, and segmentations."
    files = [path for stage in ("pseudo", "segmentation") for path in (smoke / stage / "labels_crf").glob("*.png")]
    return {path.stem: read_label(path) for path in files}


def classes_of(label):
    return set(np.unique(label).tolist()) - {0}


def test_png(exported, labels, data):
    folder = exported("png")
    made = {path.stem: read_label(path) for path in (folder / "SegmentationClass").glob("*.png")}
    assert made.keys() == labels.keys() and all(np.array_equal(made[id], labels[id]) for id in labels)
    for name in ("train_aug", "val"):
        listed = (folder / f"ImageSets/Segmentation/{name}.txt").read_text().splitlines()
        assert listed == open_devkit(data).split(name)
    assert (folder / "classes.txt").read_text().split() == ["background", *open_devkit(data).classes]


def test_coco(exported, labels, data):
    "COCO's own package reads the same pixels, and muscle opens the folder as a dataset."
    found = {}
    for path in exported("coco").glob("annotations/instances_*.json"):
        coco = COCO(path)
        assert [entry["name"] for entry in coco.loadCats(coco.getCatIds())] == list(open_devkit(data).classes)
        for image in coco.loadImgs(coco.getImgIds()):
            id = image["file_name"].removesuffix(".jpg")
            found[id] = np.zeros((image["height"], image["width"]), np.uint8)
            for entry in coco.loadAnns(coco.getAnnIds(image["id"])):
                pixels = labels[id] == entry["category_id"]
                rows, columns = np.nonzero(pixels)
                assert entry["area"] == pixels.sum() and entry["bbox"][:2] == [columns.min(), rows.min()]
                found[id][coco.annToMask(entry) > 0] = entry["category_id"]
    assert found.keys() == labels.keys() and all(np.array_equal(found[id], labels[id]) for id in labels)
    shutil.copytree(data / "JPEGImages", exported("coco") / "images")
    kit = open_devkit(exported("coco"))
    assert kit.title == "COCO's annotations" and all(np.array_equal(kit.mask(id), labels[id]) for id in labels)


def test_cvat(exported, labels, data):
    root = ElementTree.parse(exported("cvat") / "annotations.xml").getroot()
    assert root.tag == "annotations" and root.findtext("version") == "1.1"
    classes = [label.findtext("name") for label in root.findall("meta/task/labels/label")]
    assert classes == list(open_devkit(data).classes)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour.text) for colour in root.iter("color"))
    for image in root.findall("image"):
        label = labels[image.get("name").removesuffix(".jpg")]
        found = np.zeros((int(image.get("height")), int(image.get("width"))), np.uint8)
        for mask in image:
            left, top, width, height = (int(mask.get(key)) for key in ("left", "top", "width", "height"))
            runs = np.array(mask.get("rle").split(", "), int)
            inside = np.repeat(np.arange(len(runs)) % 2 > 0, runs).reshape(height, width)
            found[top : top + height, left : left + width][inside] = 1 + classes.index(mask.get("label"))
        assert np.array_equal(found, label)
    assert len(root.findall("image")) == len(labels)


def unpacked(stored, shape):
    "Read Label Studio's bytes as rle-pack does: the region's pixels"
    bits, at, values = "".join(f"{byte:08b}" for byte in stored), 53, []
    assert int(bits[:32], 2) == 4 * np.prod(shape) and int(bits[32:37], 2) == 7
    sizes = [1 + int(bits[37 + 4 * i : 41 + 4 * i], 2) for i in range(4)]
    while len(values) < 4 * np.prod(shape):
        size = sizes[int(bits[at + 1 : at + 3], 2)]
        start = at + 3 + size
        length, value = 1 + int(bits[at + 3 : start], 2), int(bits[start : start + 8], 2)
        assert bits[at] == "1" and value in (0, 255)
        values, at = values + [value] * length, start + 8
    return np.array(values).reshape(*shape, 4)[..., 3] > 0


def test_label_studio(exported, labels, smoke, data):
    folder, classes = exported("label-studio"), open_devkit(data).classes
    tasks = json.loads((folder / "tasks.json").read_text())
    assert {task["data"]["id"] for task in tasks} == labels.keys()
    scores = [task["predictions"][0]["score"] for task in tasks]
    assert scores == sorted(scores) and 0 <= scores[0] < scores[-1] <= 1
    view = ElementTree.parse(folder / "label_config.xml").getroot()
    brush, image = view.find("BrushLabels"), view.find("Image")
    assert [label.get("value") for label in brush] == list(classes) and image.get("value") == "$image"
    for task in tasks:
        label, place = labels[task["data"]["id"]], task["data"]["image"].removeprefix("/data/local-files/?d=")
        assert (data / place).is_file()
        regions = task["predictions"][0]["result"]
        assert {1 + classes.index(*region["value"]["brushlabels"]) for region in regions} == classes_of(label)
        for region in regions:
            assert (region["from_name"], region["to_name"]) == (brush.get("name"), brush.get("toName"))
            assert (region["original_height"], region["original_width"]) == label.shape
            number = 1 + classes.index(*region["value"]["brushlabels"])
            assert np.array_equal(unpacked(region["value"]["rle"], label.shape), label == number)


def test_overlays(exported, labels):
    assert {path.stem for path in exported("overlays").glob("*.jpg")} == labels.keys()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page(exported, labels, smoke, browser, scheme):
    "The page in a browser: nothing is loaded, all pictures are there, the most uncertain first, light and dark."
    run = Run(smoke)
    uncertainties = by_uncertainty(run, final_labels(run))
    tab = browser.new_page(color_scheme=scheme, viewport={"width": 700, "height": 900})
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((exported("html") / "index.html").as_uri())
    assert len([url for url in asked if not url.startswith("data:")]) == 1
    tab.evaluate("document.images.length && [...document.images].forEach(image => image.loading = 'eager')")
    tab.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
    assert tab.locator("img").count() == 2 * len(labels)
    told = tab.locator("figcaption").all_inner_texts()
    assert [next(id for id in labels if id in text) for text in told] == list(uncertainties)
    assert [int(text.split("%")[0]) for text in told] == [
        round(100 * uncertainty) for uncertainty in uncertainties.values()
    ]
    light = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    assert (tab.evaluate(light) > 383) == (scheme == "light")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.close()


def test_uncertainty_finds_a_spoilt_label(smoke, tmp_path):
    "The surest label is turned into another class, and is among the most uncertain then."
    folder = tmp_path / "smoke"
    shutil.copytree(smoke, folder)
    run = Run(folder)
    finals = final_labels(run)
    surest = list(by_uncertainty(run, finals))[-1]
    path = file_of(run, surest, finals[surest].source)
    label = read_label(path)
    write_label(path, np.where(label == 0, 1 + label.max() % 5, 0))
    assert list(by_uncertainty(run, finals)).index(surest) < 3


def test_a_stage_that_was_stopped_gives_what_it_finished(smoke, tmp_path):
    folder = tmp_path / "smoke"
    shutil.copytree(smoke, folder)
    shutil.rmtree(folder / "segmentation")
    said = json.loads((folder / "run.json").read_text())
    del said["stages"]["segmentation"]
    (folder / "run.json").write_text(json.dumps(said))
    done = command("muscle_export", folder, "--to", "png", "--out", tmp_path / "out")
    assert done.returncode == 0 and "24 labels (24 of train_aug)" in done.stdout, done.stdout + done.stderr


def test_networks_that_are_given_away_label_as_the_run_does(smoke, tmp_path, data):
    "Half of their digits are left out, and a photograph is labelled as by the run, but for a pixel here and there."
    away = give_away(Run(smoke), tmp_path / "away")
    assert not any(str(data) in path.read_text(errors="replace") for path in away.rglob("*.json"))
    photo, labels = next(iter((data / "JPEGImages").glob("*.jpg"))), []
    for run in (smoke, away):
        done = command("muscle_label", photo, "--run", run, "--out", tmp_path / run.name)
        assert done.returncode == 0, done.stderr
        labels.append(read_label(tmp_path / run.name / f"{photo.stem}.png"))
    assert (labels[0] == labels[1]).mean() > 0.98


def test_an_export_that_fails_leaves_nothing_in_the_way(smoke, tmp_path):
    out = tmp_path / "out"
    limited = ["bash", "-c", f"ulimit -f 10; muscle_export {smoke} --to html --out {out}"]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert done.returncode == 1 and "index.html" in done.stderr and "ulimit -f" in done.stderr, done.stderr
    assert not any(out.iterdir()) and "Traceback" not in done.stderr
    assert command("muscle_export", smoke, "--to", "html", "--out", out).returncode == 0


def test_a_dataset_that_is_another_by_now_is_refused(smoke, tmp_path, data):
    "Another order of the classes, or another photograph under a name: numbers and shapes would be those of before."
    kit, folder = tmp_path / "kit", tmp_path / "smoke"
    shutil.copytree(data, kit)
    shutil.copytree(smoke, folder)
    said = json.loads((folder / "run.json").read_text())
    said["profile"]["data"]["devkit"] = str(kit)
    (folder / "run.json").write_text(json.dumps(said))
    classes = (kit / "classes.txt").read_text()
    (kit / "classes.txt").write_text("\n".join(reversed(classes.split())) + "\n")
    done = command("muscle_export", folder, "--to", "png", "--out", tmp_path / "out")
    assert done.returncode == 2 and "its classes were" in done.stderr and "by now" in done.stderr, done.stderr
    photo = next(iter(final_labels(Run(smoke))))
    done = command("muscle_label", kit / "JPEGImages" / f"{photo}.jpg", "--run", folder, "--out", tmp_path / "labels")
    assert done.returncode == 2 and "its classes were" in done.stderr, done.stderr
    (kit / "classes.txt").write_text(classes)
    Image.new("RGB", (50, 20)).save(kit / "JPEGImages" / f"{photo}.jpg")
    done = command("muscle_export", folder, "--to", "png", "--out", tmp_path / "out")
    assert done.returncode == 2 and f"{photo}.jpg: 50×20 pixels, its label" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "words, reason",
    [
        (["{empty}/nowhere", "--to", "png", "--out", "{empty}/out"], "nowhere/run.json does not exist"),
        (["{early}", "--to", "png", "--out", "{empty}/out"], "no labels yet"),
        (["{networks}", "--to", "png", "--out", "{empty}/out"], "networks without their photographs"),
        (["{smoke}", "--to", "gif", "--out", "{empty}/out"], "'gif' is not one of " + repr([*EXPORTS])[1:-1]),
        (["{smoke}", "--to", "png", "--out", "{file}"], "is a file"),
        (["{smoke}", "--to", "png", "--out", "{file}/below"], "below: cannot be written to"),
        (["{smoke}", "--to", "png", "--out", "{smoke}"], "not empty; name a new folder"),
        (["{smoke}", "--to", "png"], "Missing option '--out'"),
    ],
)
def test_refusals(smoke, tmp_path, words, reason):
    early, file = tmp_path / "early", tmp_path / "file"
    early.mkdir()
    said = json.loads((smoke / "run.json").read_text())
    (early / "run.json").write_text(json.dumps(said | {"stages": {}}))
    file.write_text("")
    names = dict(empty=tmp_path, early=early, smoke=smoke, file=file, networks=PROJECT / "data/models/voc_lite")
    done = command("muscle_export", *(word.format(**names) for word in words))
    assert done.returncode == 2 and reason in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "out").exists() and "SegmentationClass" not in {path.name for path in smoke.iterdir()}
