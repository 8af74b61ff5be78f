"""Measure what a run of a million images asks before it does anything: python .ci/million.py [IMAGES] [FOLDER].

The images and what the stages make of them are empty files; nothing is decoded, so what is timed is lists, names and
questions to the disk. Writes data/million.json, which nbs/performance.ipynb shows.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from accelerate import Accelerator

from muscle.layouts import open_devkit
from muscle.profile import STAGES, read_profile
from muscle.request import whereabouts
from muscle.run import Run, make_run
from muscle.runner import run_stages
from muscle.stage import StageState, begin, do_stage, mark_of_lists, prepare_data
from muscle.stages import seen_ids
from muscle.stream import own_part, share

TOP = Path(__file__).resolve().parent.parent


def make_empty(folder: Path, names: list[str]) -> None:
    "Make files with nothing in them."
    folder.mkdir(parents=True)
    for name in names:
        os.close(os.open(folder / name, os.O_CREAT))


def made_run(folder: Path, count: int) -> Run:
    "Make a dataset of empty photographs with tags, and a run whose stages are all done."
    ids = [f"{place:08d}" for place in range(count)]
    make_empty(folder / "photos", [f"{id}.jpg" for id in ids])
    rows = "".join(f"{id}.jpg,{'cat' if place % 2 else 'dog'}\n" for place, id in enumerate(ids))
    (folder / "photos" / "tags.csv").write_text(f"image,tags\n{rows}")
    changes = [f"data.devkit={folder / 'photos'}", "data.builtin_train=0", "data.builtin_val=0"]
    run = make_run(folder / "run", read_profile("smoke", changes), "smoke")
    lists = {use: run.split(use) for use in ("train", "score", "val")}
    run.note(checked=mark_of_lists(run.devkit, lists))
    for name in STAGES:
        state = StageState(name, run)
        run.note(stages={name: {**begin(state, state.fingerprint()), "state": "done"}})
    make_empty(run.maps("x").parent, [f"{id}.npz" for id in ids])
    make_empty(run.segmentation("x").parent, [f"{id}.png" for id in ids])
    return run


def timed(work: Callable[[], object]) -> float:
    "Time a call, in seconds of a processor: what a machine does beside it does not count."
    began = time.process_time()
    work()
    return time.process_time() - began


def measured(run: Run) -> dict[str, float]:
    "Time what a command and its stages ask of a finished run."
    fresh = lambda: Run(run.folder)
    one = Accelerator(cpu=True)
    return {
        "are the data those that were checked?": timed(lambda: prepare_data(run.profile, run.record["checked"])),
        "open the dataset and list its images": timed(lambda: open_devkit(run.devkit.root).split("train")),
        "`share`: which images are left to do": timed(lambda: share(seen_ids(run), one, run.maps)),
        "a stage's `done()`: the first question": timed(lambda: StageState("cams", fresh()).done()),
        "a stage that finds itself done": timed(lambda: do_stage(StageState("cams", fresh()))),
        "all nine stages found done": timed(lambda: run_stages(fresh())),
        "stage 9's reading: is every label there?": timed(
            lambda: [run.segmentation(id).exists() for id in own_part(run.ids("val"), one)]
        ),
        "the last words of a command": timed(lambda: whereabouts(fresh())),
    }


def main() -> None:
    "Measure and write down."
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10**6
    folder = Path(tempfile.mkdtemp(dir=sys.argv[2] if len(sys.argv) > 2 else None))
    try:
        run = made_run(folder, count)
        found = measured(run)
    finally:
        shutil.rmtree(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = json.dumps({"images": count, "seconds": found, "peak_mb": peak}, indent=1)
    (TOP / "data" / "million.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
