"""Many classes, through all nine stages: COCO's eighty with its own profile, and two hundred in VOC's layout."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import command
from skimage.measure import find_contours

from muscle.devkit import VOID, read_label, write_label
from muscle.layouts import open_devkit
from muscle.plots import class_bars, confusion_matrix
from muscle.profile import read_profile
from muscle.run import Run
from muscle.scenes import write_shapes

NUMBERS = [n for n in range(1, 91) if n not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]  # COCO's, which have gaps
SMALL = """encoder.backbone=b0 encoder.weights=none encoder.crop=64 encoder.batch=8 encoder.epochs=5 encoder.view=32
encoder.long_side=[64,80] encoder.optimizer=adamw encoder.lr=0.002 cams.scales=[1.0] irn.backbone=resnet18
irn.weights=none irn.crop=64 irn.batch=8 irn.epochs=1 irn.train_backbone=true irn.radius=4 segmenter.backbone=b0
segmenter.weights=none segmenter.crop=64 segmenter.batch=8 segmenter.epochs=1 segmenter.layers=1
segmenter.beacon_points=16 segmenter.beacon_step=3 segmentation.scales=[1.0] machine.workers=0""".split()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    "A drawn dataset of a few images, whose masks are label numbers 1 to 5."
    folder = tmp_path_factory.mktemp("drawn") / "voc"
    write_shapes(folder, train=20, val=6, seed=3)
    return folder


def polygons(pixels):
    "Outline a region: rows of x and y."
    padded = np.pad(pixels.astype(float), 1)
    outlines = [(contour[:, ::-1] - 0.5).ravel().tolist() for contour in find_contours(padded, 0.5)]
    return [outline for outline in outlines if len(outline) >= 6]


def lengths(pixels):
    "Write a region as COCO's uncompressed run lengths, down the columns."
    turns = np.flatnonzero(np.diff(pixels.ravel(order="F").astype(int), prepend=0))
    return np.diff(turns, prepend=0, append=pixels.size).tolist()


@pytest.fixture(scope="module")
def coco(drawn, tmp_path_factory):
    "The same as COCO has it: polygons, a crowd, an image without objects, eighty categories."
    folder, kit = tmp_path_factory.mktemp("coco") / "coco", open_devkit(drawn)
    (folder / "annotations").mkdir(parents=True)
    categories = [{"id": number, "name": f"category {number}"} for number in NUMBERS]
    for name in ("train", "val"):
        images, objects = [], []
        for place, id in enumerate(kit.split(name)):
            target = folder / f"{name}2014" / f"COCO_{id}.jpg"
            target.parent.mkdir(exist_ok=True)
            shutil.copy(kit.image_file(id), target)
            label = kit.mask(id)
            height, width = label.shape
            images.append({"id": place, "file_name": target.name, "height": height, "width": width})
            for number in [] if place == 1 else sorted(set(label.ravel().tolist()) - {0, VOID}):
                entry = {"id": len(objects), "image_id": place, "category_id": NUMBERS[number * 15]}
                crowd = place == 0 and not any(other["image_id"] == 0 for other in objects)
                code = {"size": [height, width], "counts": lengths(label == number)}
                objects.append(
                    entry | {"iscrowd": int(crowd), "segmentation": code if crowd else polygons(label == number)}
                )
        said = {"images": images, "annotations": objects, "categories": categories}
        (folder / "annotations" / f"instances_{name}2014.json").write_text(json.dumps(said))
    return folder


def test_a_small_coco(coco, drawn):
    "Polygons give the masks that they are of, to a pixel at the border; a crowd is void; no object is no tag."
    kit, source = open_devkit(coco), open_devkit(drawn)
    assert kit.num_classes == 81 and kit.splits() == ("train2014", "val2014")
    for place, id in enumerate(kit.split("train2014")):
        label, truth = kit.mask(id), source.mask(id.removeprefix("COCO_"))
        if place == 0:
            assert (label == VOID).any()
        elif place == 1:
            assert not label.any() and kit.tag_names(id) == [] and kit.has_tags(id)
        else:
            assert len(kit.tag_names(id)) == len(set(truth.ravel().tolist()) - {0, VOID})
            assert ((label > 0) == ((truth > 0) & (truth < VOID))).mean() > 0.95
    said = command("muscle_check", coco).stdout
    assert "COCO's annotations, 80 classes: " in said and "1 of them with none of the classes" in said


def test_coco14_takes_cocos_lists(coco, tmp_path):
    assert read_profile("coco14").data.train == ["train2014", "train"]
    said = command("muscle_run", "coco14", "--dry-run", "--run", tmp_path / "dry", "--devkit", coco)
    assert said.returncode == 0 and said.stdout.count("\n") >= 9, said.stdout + said.stderr


@pytest.fixture(scope="module")
def coco_run(coco, tmp_path_factory):
    "All nine stages of coco14, with networks that a test can train."
    folder = tmp_path_factory.mktemp("runs") / "coco"
    done = command("muscle_run", "coco14", *SMALL, "--run", folder, "--devkit", coco)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_coco14(coco_run, coco):
    run, kit = Run(coco_run), open_devkit(coco)
    assert all(stage["state"] == "done" for stage in run.record["stages"].values()) and len(run.record["stages"]) == 9
    assert [run.split(use) for use in ("train", "score", "val")] == ["train2014", "train2014", "val2014"]
    for id in run.ids("train"):
        label = read_label(run.pseudo_label(id, refined=True))
        assert label.shape == kit.size(id) and set(np.unique(label)) <= {0, *kit.present(id)}
    assert all(read_label(run.segmentation(id)).max() <= 80 for id in run.ids("val"))


@pytest.fixture(scope="module")
def many_run(drawn, tmp_path_factory):
    "All nine stages on images of two hundred classes, each image of classes of its own."
    folder = tmp_path_factory.mktemp("many")
    shutil.copytree(drawn, folder / "voc", ignore=shutil.ignore_patterns("Annotations"))
    (folder / "voc/classes.txt").write_text("".join(f"kind {number:03}\n" for number in range(1, 201)))
    for place, path in enumerate(sorted((folder / "voc/SegmentationClass").glob("*.png"))):
        label = read_label(path)
        thing = (label > 0) & (label < VOID)
        write_label(path, np.where(thing, (label.astype(int) - 1 + 39 * place) % 200 + 1, label))
    done = command("muscle_run", "smoke", *SMALL, "--run", folder / "many", "--devkit", folder / "voc")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "many"


def test_two_hundred_classes(many_run):
    run = Run(many_run)
    assert run.devkit.num_classes == 201 and len(run.record["stages"]) == 9
    assert all(stage["state"] == "done" for stage in run.record["stages"].values())
    seen = {number for id in run.ids("train") for number in np.unique(read_label(run.pseudo_label(id))).tolist()}
    tagged = {number for id in run.ids("train") for number in run.devkit.present(id).tolist()}
    assert max(seen) > 127 and seen - {0} <= tagged
    assert len(pd.read_csv(run.table("segmentation"))) >= 1


def test_a_class_too_many_is_refused_with_the_reason(many_run, tmp_path):
    folder = tmp_path / "voc"
    shutil.copytree(Run(many_run).devkit.root, folder)
    (folder / "classes.txt").write_text("".join(f"kind {number}\n" for number in range(255)))
    said = command("muscle_check", folder)
    assert said.returncode == 2 and "255 classes; a mask's byte can tell 254 from background 0" in said.stderr


@pytest.mark.parametrize("count", [21, 81, 201])
def test_names_in_figures_do_not_overlap(count):
    names = ["background", *(f"category {number}" for number in range(1, count))]
    rng = np.random.default_rng(0)
    figures = [class_bars({"one": 100 * rng.random(count), "other": 100 * rng.random(count)}, names)]
    figures += [confusion_matrix(rng.integers(1, 1000, (count, count)), names)]
    for figure in figures:
        figure.canvas.draw()
        for ax in figure.axes:
            for axis in (ax.xaxis, ax.yaxis):
                shown = [label for label in axis.get_ticklabels() if label.get_text()]
                assert all(label.get_fontsize() >= 6 for label in shown)
                straight = [label.get_window_extent() for label in shown if label.get_rotation() == 0]
                assert not any(one.overlaps(other) for one, other in zip(straight, straight[1:]))
