"""A run made by hand for the notebooks of floor 4: maps are masks out of focus, labels are masks moved a little."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

from muscle.checkpoint import save_weights
from muscle.devkit import VOID, Devkit, write_label
from muscle.maps import write_maps, write_soft
from muscle.profile import read_profile
from muscle.run import Run, make_run
from muscle.stages import new_encoder, new_irn, new_segmenter


def blurred(
    truth: np.ndarray,  # (H, W) uint8
    c: int,  # label number
    spread: float,  # pixels
    power: float,  # of the plane: over 1 only its middle stays high
) -> np.ndarray:  # (H, W) float32 in 0..1
    "Give a class's mask out of focus."
    plane = Image.fromarray(np.uint8(255 * (truth == c))).filter(ImageFilter.GaussianBlur(spread))
    soft = np.asarray(plane, np.float32)
    return (soft / max(soft.max(), 1)) ** power


def example_run(
    folder: Path,  # of the run
    kit: Devkit,  # its dataset
    off: int,  # pixels by which labels are moved; also the seed of the networks
) -> Run:
    "Make a run with networks that nobody trained, maps, and labels."
    profile = read_profile("smoke", [f"data.devkit={kit.root}"])
    run = make_run(folder, profile, "smoke")
    names = ("encoder", "cams", "irn", "pseudo", "segmenter", "segmentation")
    done = {"state": "done", "fingerprint": "made by hand"}
    run.note(stages={stage: {**done, "parameters": getattr(profile, stage).plain()} for stage in names})
    torch.manual_seed(off)
    two = new_encoder(run, profile.encoder), new_irn(profile.irn)
    networks = (*two, new_segmenter(profile.segmenter, kit.num_classes))
    for stage, network in zip(("encoder", "irn", "segmenter"), networks):
        save_weights(network, run.weights(stage))
    for id in dict.fromkeys(run.ids("train") + run.ids("val")):
        label = np.roll(np.where(kit.mask(id) == VOID, 0, kit.mask(id)), off * (1 + int(id[-1])), 1)
        for kind in ("single", "scales", "crf"):
            write_label(run.segmentation(id, kind), label)
        if id in run.ids("train"):
            write_label(run.pseudo_label(id), label)
            write_label(run.pseudo_label(id, refined=True), label)
            write_planes(run, id)
    return run


def write_planes(
    run: Run,  # to write to
    id: str,  # an image
) -> None:
    "Write an image's maps and soft label."
    truth, classes = run.devkit.mask(id), run.devkit.present(id)
    cam, sgc = (np.stack([blurred(truth, c, *look) for c in classes]) for look in ((9, 3), (6, 1)))
    write_maps(run.maps(id), classes, cam=cam, sgc=sgc)
    coarse = np.pad(sgc, ((0, 0), (0, -truth.shape[0] % 4), (0, -truth.shape[1] % 4)))[:, ::4, ::4]
    write_soft(run.soft(id), classes, coarse**0.5, 0.35, truth.shape)
