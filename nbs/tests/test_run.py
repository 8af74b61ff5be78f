"""Whole runs of the smoke profile, as a user starts them: from one command, killed, in two processes.

On photos without masks, on wrong input.
"""

import json
import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest
from conftest import COMMANDS, PROJECT, command
from PIL import Image

STAGES = ["encoder", "cams", "irn_labels", "irn", "pseudo", "scores", "segmenter", "segmentation", "report"]
RESULTS = ["seed_cam_miou", "seed_sgc_miou", "pseudo_walk_miou", "pseudo_crf_miou", "val_miou", "val_crf_miou"]


def record(folder):
    return json.loads((folder / "run.json").read_text())


def files(folder):
    "Every file of a run that stages made, by its place"
    kept = (
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", ".command", "run.json") and "notebooks" not in path.parts
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def same_outputs(one, other):
    "Two runs with the same files; the logs carry seconds and are compared by name only"
    assert one.keys() == other.keys()
    differing = [
        name
        for name in one
        if not name.startswith("metrics/") and not name.endswith(".svg") and one[name] != other[name]
    ]
    assert not differing, differing


def test_nine_stages(smoke):
    said = record(smoke)
    assert [said["stages"][name]["state"] for name in STAGES] == ["done"] * 9
    assert all(stage["seconds"] > 0 and stage["peak_mb"] > 50 for stage in said["stages"].values())
    assert list(said["results"]) == RESULTS
    assert all(0 < said["results"][name] <= 100 for name in RESULTS), said["results"]
    for table in ("seeds", "segmentation"):
        assert (smoke / "tables" / f"{table}.csv").stat().st_size > 0
    assert list((smoke / "figures").glob("*.png"))


def test_scores_are_of_the_files(smoke, data):
    "The recorded mIoU is what one gets from the label files with nothing but numpy"
    ids = (data / "ImageSets" / "Segmentation" / "val.txt").read_text().split()
    count = np.zeros((6, 6), np.int64)
    for name in ids:
        truth = np.asarray(Image.open(data / "SegmentationClass" / f"{name}.png"))
        made = np.asarray(Image.open(smoke / "segmentation" / "labels_crf" / f"{name}.png"))
        np.add.at(count, (truth[truth != 255], made[truth != 255]), 1)
    union = count.sum(0) + count.sum(1) - count.diagonal()
    assert record(smoke)["results"]["val_crf_miou"] == pytest.approx(
        100 * (count.diagonal()[union > 0] / union[union > 0]).mean(), abs=1e-6
    )


def test_done_is_not_done_again(smoke, data):
    before = (smoke / "encoder" / "model.safetensors").stat().st_mtime_ns
    again = command("muscle_run", "smoke", "--run", smoke, "--set", f"data.devkit={data}")
    assert again.returncode == 0 and again.stdout.count("done before") == 9
    assert (smoke / "encoder" / "model.safetensors").stat().st_mtime_ns == before
    words = ("muscle_run", "smoke", "--run", smoke, f"data.devkit={data}", "--again", "irn", "--dry-run")
    foretold = command(*words).stdout
    assert foretold.count("done before") == 3 and "asked for" in foretold and foretold.count("done anew") == 5


def test_killed_and_started_again(smoke, data, tmp_path):
    "SIGKILL to the whole family, in the middle of a training and of the maps; the end is that of the unbroken run."
    folder = tmp_path / smoke.name  # a table names the run
    words = [str(COMMANDS / "muscle_run"), "smoke", "--run", str(folder), "--set", f"data.devkit={data}"]
    for reached in (
        lambda: (folder / "encoder" / "resume.pt").exists() and not (folder / "encoder" / "model.safetensors").exists(),
        lambda: 3 <= len(list((folder / "cams").glob("*.npz"))) < 20,
    ):
        runner = subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not reached():
            assert runner.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
        family = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(runner.pid)], capture_output=True, text=True
        ).stdout.split()
        for pid in (runner.pid, *map(int, family)):
            os.kill(pid, signal.SIGKILL)
        runner.wait()
        assert record(folder)["stages"].get("report") is None
    finished = command(*["muscle_run", *words[1:]])
    assert finished.returncode == 0, finished.stdout + finished.stderr
    same_outputs(files(folder), files(smoke))
    assert record(folder)["results"] == record(smoke)["results"]


def test_two_processes(smoke, data, tmp_path):
    folder = tmp_path / "two"
    done = command("muscle_run", "smoke", "--run", folder, "--processes", 2, "--set", f"data.devkit={data}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert files(folder).keys() == files(smoke).keys()
    assert all(record(folder)["results"][name] is not None for name in RESULTS)


def test_one_stage_with_plain_papermill(smoke, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(smoke, folder)
    shutil.rmtree(folder / "irn_labels")
    said = record(folder)
    said["stages"]["irn_labels"]["state"] = "failed"
    (folder / "run.json").write_text(json.dumps(said))
    done = command(
        "papermill", "nbs/stages/3_irn_labels.ipynb", tmp_path / "out.ipynb", "-p", "run", folder, "-k", "python3"
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (folder / "irn_labels").iterdir()} == {
        path.name for path in (smoke / "irn_labels").iterdir()
    }


def test_an_ablation_makes_only_what_differs(smoke, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(smoke, folder)
    before = files(folder)
    done = command(
        "muscle_run",
        "smoke",
        "--run",
        folder,
        "--set",
        f"data.devkit={record(smoke)['profile']['data']['devkit']}",
        "--ablate",
        "irn",
        "--seeds",
        2,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = {name: made for name, made in files(folder).items() if not name.startswith("replaced/")}
    assert all(after[name] == made for name, made in before.items() if not name.startswith(("figures/", "tables/")))
    assert set(after) - set(before) == {
        f"{name}.{kind}"
        for name, kinds in (
            ("tables/ablation_irn", ("csv", "md")),
            ("figures/ablation_irn", ("pdf", "png", "svg")),
            ("figures/ablation_irn_dark", ("png",)),
        )
        for kind in kinds
    }
    frozen, trained = (tmp_path / f"base-irn-{name}_resnet-seed0" for name in ("frozen", "trained"))
    assert (frozen / "encoder" / "model.safetensors").samefile(trained / "encoder" / "model.safetensors")
    assert (
        (frozen / "irn" / "model.safetensors").read_bytes()
        != (trained / "irn" / "model.safetensors").read_bytes()
        == before["irn/model.safetensors"]
    )
    table = pd.read_csv(folder / "tables" / "ablation_irn.csv").set_index("variant")
    assert table["runs"].tolist() == [2, 2]
    own = [record(tmp_path / f"base-irn-frozen_resnet-seed{seed}")["results"]["pseudo_walk_miou"] for seed in (0, 1)]
    shown = table.loc["frozen ResNet", ["pseudo labels, random walk", "pseudo labels, random walk ±"]].tolist()
    assert shown == pytest.approx([np.mean(own), np.std(own, ddof=1)])


def test_photos_with_tags_and_no_masks(data, smoke, tmp_path):
    photos, folder = tmp_path / "photos", tmp_path / "run"
    photos.mkdir()
    ids = (data / "ImageSets" / "Segmentation" / "train.txt").read_text().split()[:16]
    names = ["dog", "sofa", "cat", "bus", "bird"]
    rows = ["image,tags"]
    for place, name in enumerate(ids):
        shutil.copy(data / "JPEGImages" / f"{name}.jpg", photos)
        rows.append(f"{name}.jpg,{names[place % 5]};{names[(place + 1) % 5]}")
    (photos / "tags.csv").write_text("\n".join(rows) + "\n")
    done = command("muscle_run", "smoke", "--devkit", photos, "--run", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert record(folder)["results"] == dict.fromkeys(RESULTS)
    assert "nothing to score against" in done.stdout
    made = sorted((folder / "segmentation" / "labels_crf").glob("*.png"))
    assert [path.stem for path in made] == sorted(ids)
    with Image.open(made[0]) as label:
        assert label.mode == "P" and label.getpalette()[3:6] == [128, 0, 0]


def test_wrong_input_writes_nothing(data, smoke, tmp_path):
    devkit, folder = tmp_path / "devkit", tmp_path / "run"
    shutil.copytree(data, devkit)
    name = (devkit / "ImageSets" / "Segmentation" / "train.txt").read_text().split()[0]
    photo = devkit / "JPEGImages" / f"{name}.jpg"
    photo.write_bytes(photo.read_bytes()[:200])
    said = command("muscle_run", "smoke", "--devkit", devkit, "--run", folder)
    assert said.returncode == 2 and photo.name in said.stderr and not folder.exists()
    assert command("muscle_check", devkit).returncode == 2
    said = command("muscle_run", "smoke", "--run", folder, "--set", "encoder.epoch=3")
    assert said.returncode != 0 and "encoder.epochs" in said.stderr and not folder.exists()
    said = command("muscle_run", "smoke", "--devkit", data, "--run", folder, "--set", "report.images=[nobody]")
    assert said.returncode == 2 and "nobody is no ID of the list" in said.stderr and not folder.exists()
    photo.unlink()
    said = command("muscle_run", "smoke", "--devkit", data, "--run", f"{devkit}/")
    assert said.returncode == 2 and "name a new folder" in said.stderr and not (devkit / "run.json").exists()


def test_a_file_damaged_later_stops_its_stage(data, smoke, tmp_path):
    devkit, folder = tmp_path / "devkit", tmp_path / "run"
    shutil.copytree(data, devkit)
    words = ("muscle_run", "smoke", "--devkit", devkit, "--run", folder)
    assert command(*words, "--to", 1).returncode == 0
    names = (devkit / "ImageSets" / "Segmentation" / "train.txt").read_text().split()
    photo = devkit / "JPEGImages" / f"{names[-1]}.jpg"
    whole = photo.read_bytes()
    photo.write_bytes(whole[:200])
    out = command("papermill", "nbs/stages/2_cams.ipynb", tmp_path / "out.ipynb", "-p", "run", folder, "-k", "python3")
    assert out.returncode != 0 and photo.name in out.stderr
    assert record(folder)["stages"]["cams"]["state"] == "failed" and list((folder / "cams").glob("*.npz"))
    photo.write_bytes(whole)
    assert command(*words, "--to", 2).returncode == 0
    assert len(list((folder / "cams").glob("*.npz"))) == 24


@pytest.mark.skipif(
    "MUSCLE_VOC_SAMPLE" not in os.environ, reason="needs real VOC photos: set MUSCLE_VOC_SAMPLE to a devkit"
)
def test_real_photographs(tmp_path):
    folder = tmp_path / "voc"
    less = ["data.limit=8", "encoder.epochs=1", "irn.epochs=1", "segmenter.epochs=1", "scores.agreement_images=2"]
    less += ["encoder.batch=4", "irn.batch=4", "segmenter.batch=4"]
    done = command("muscle_run", "photos", "--devkit", os.environ["MUSCLE_VOC_SAMPLE"], "--run", folder, *less)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(record(folder)["results"][name] is not None for name in RESULTS)
