"""Datasets as people have them: what each must give; MUSCLE_CASES names the folder of the program that makes them."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from muscle.check import check_devkit, contact_sheet
from muscle.devkit import LARGEST, VOC_CLASSES, VOID
from muscle.files import DataError
from muscle.layouts import open_devkit
from muscle.samples import EncoderSamples, IrnSamples, SegmenterSamples

MAKER = Path(os.environ.get("MUSCLE_CASES", "nowhere"), "make.py")
pytestmark = pytest.mark.skipif(not MAKER.is_file(), reason="MUSCLE_CASES is not set: no cases beside this clone")


@pytest.fixture(scope="module")
def maker():
    "Load the program that makes the cases."
    spec = importlib.util.spec_from_file_location("make_cases", MAKER)
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    return module


@pytest.fixture(scope="module")
def case(maker, tmp_path_factory):
    "Make a case once, and open it."
    made = {}

    def opened(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp("cases") / name
            maker.CASES[name](made[name])
        return open_devkit(made[name])

    return opened


def report(kit, **lists):
    "Check a devkit as a run of its usual lists would."
    usual = {"train": "train", "score": "train", "val": "val"}
    there = {use: name for use, name in usual.items() if name in kit.splits()}
    return check_devkit(kit, **lists or there or {"train": "train"})


def refusal(kit):
    "Say why a devkit is refused."
    with pytest.raises(DataError) as caught:
        report(kit)
    return str(caught.value)


def same(kit, other, list_="train", masks=True):
    "Hold two devkits' tags and masks against each other."
    assert kit.split(list_) == other.split(list_)
    for id in kit.split(list_):
        assert kit.tag_names(id) == other.tag_names(id)
        assert not masks or np.array_equal(kit.mask(id), other.mask(id))


def test_clean(case):
    assert report(case("base")).splits == {"train": (16, 16, 0, 16), "val": (6, 6, 0, 6)}
    assert report(case("own")).splits == {"train": (16, 16, 0, 0)}


@pytest.mark.parametrize("name", ["bom", "upper", "rgbmask"])
def test_other_ways_to_write_the_same(case, name):
    assert report(case(name)) == report(case("base"))
    for split in ("train", "val"):
        same(case(name), case("base"), split)


@pytest.mark.parametrize("name, count", [("comma", 16), ("header", 6)])
def test_tables(case, name, count):
    assert report(case(name)).images == count
    for id in case(name).split("train"):
        assert case(name).tag_names(id) == case("own").tag_names(id) != []


def test_nothing_is_needed_where_one_labels(case):
    assert report(case("untagged")).splits == {"train": (16, 16, 0, 0), "val": (6, 0, 0, 0)}
    assert report(case("emptyrows")).splits == {"train": (16, 16, 0, 0), "val": (6, 6, 6, 0)}
    found = report(case("withtest"), train="train", score="train", val="test")
    assert found.splits["test"] == (4, 0, 0, 0)
    assert "test: 4 photographs, 4 without tags, no masks to score" in str(found)


def test_none_of_the_classes(case):
    kit = case("negatives")
    assert report(kit).splits == {"train": (16, 16, 4, 0)}
    assert sum(len(kit.present(id)) == 0 for id in kit.split("train")) == 4


def test_names_with_spaces(case):
    kit = case("copies")
    copy, val = kit.split("train")[0], kit.split("val")
    assert copy == f"{val[0]} (2)" and not set(val) & set(kit.split("train")) and not report(kit).notes
    assert np.array_equal(kit.mask(copy), case("base").mask(case("base").split("train")[0]))
    assert all(id.startswith("my photo ") for id in case("spaces").split("val"))
    assert report(case("spaces")).masks == 22


@pytest.mark.parametrize(
    "name, words",
    [
        ("cp1252", ("tags.csv: line 3, byte 49 (0xe4) is not UTF-8", "save the file as UTF-8")),
        ("noheader", ("tags.csv: the first line must be 'image,tags'", "it is '2007_000068.jpg,", "above it")),
        ("masks255", ("22 of 22", "values are 0, 255", "255 is void")),
    ],
)
def test_refused_with_what_to_do(case, name, words):
    assert all(word in refusal(case(name)) for word in words)


def test_xml_in_another_encoding(case):
    assert report(case("xmlgb")).tags["dog"] == 12
    assert "in masks but not in the tags: aeroplane 2" in str(report(case("xmlgb")))


def test_sixteen_bits(case, maker):
    kit = case("bits16")
    assert "16 photographs are of more than 8 bits" in str(report(kit))
    for id in kit.split("train"):
        grey = np.array(maker.photo(id).convert("L")).astype(int)
        assert np.abs(kit.image(id)[..., 1] - grey).max() <= 1


def test_one_bit_masks(case):
    kit = case("mask1bit")
    assert report(kit).tags == {"thing": 6}
    for id in kit.split("train"):
        label = case("base").mask(id)
        assert np.array_equal(kit.mask(id), (label > 0) & (label < VOID))


def test_webp(case):
    assert report(case("webp")).kinds == {"JPEG RGB": 8, "WEBP RGB": 8}


def test_two_pictures_of_one_name(case):
    kit = case("stems")
    first = kit.split("train")[0]
    assert kit.image_file(first).suffix == ".jpg" and np.array_equal(kit.image(first), case("own").image(first))
    (kit.root / "tags.csv").write_text((kit.root / "tags.csv").read_text().replace(f"{first}.jpg", first))
    assert f"{first}.jpg and {first}.png have one name" in refusal(open_devkit(kit.root))


def test_background_is_no_class(case):
    assert case("background").classes == VOC_CLASSES
    assert "classes.txt begins with Background: label 0" in str(report(case("background")))
    for id in case("background").split("train"):
        assert case("background").tag_names(id) == case("base").tag_names(id)


def test_large_and_small(case):
    large, small = case("phone"), case("tiny")
    id = large.split("train")[0]
    assert large.size(id) == (3000, 4000) and large.image(id, LARGEST).shape == (768, 1024, 3)
    assert "1 photographs are longer than 1024 pixels" in str(report(large))
    id = small.split("train")[0]
    assert small.image(id).shape == (7, 9, 3) and report(small).sizes[0] == (7, 9)
    Image.new("RGB", (1, 1)).save(small.image_file(id))
    Image.new("L", (1, 1), 5).save(small.mask_file(id))
    assert report(small).sizes[0] == (1, 1)
    for samples in (
        EncoderSamples(small, [id], crop=64, view=32, long_side=(64, 96)),
        IrnSamples(small, [id], small.mask, crop=64),
        SegmenterSamples(small, [id], lambda id: ([5], _planes(small, id)), crop=64),
    ):
        assert samples[0].image.shape == (3, 64, 64)


def _planes(kit, id):
    return torch.stack([torch.full(kit.size(id), 0.35), torch.full(kit.size(id), 0.9)])


def test_turned_photographs(case):
    kit = case("exif")
    assert "3 photographs are turned as their cameras noted" in str(report(kit))
    for place, id in enumerate(sorted(kit.split("train"))):
        turn = 2 if place < 3 else 0
        assert np.array_equal(kit.mask(id), np.rot90(case("base").mask(id), turn))
        assert np.abs(kit.image(id).astype(int) - np.rot90(case("base").image(id), turn)).mean() < 6


def test_many_classes(case):
    kit = case("many")
    assert kit.num_classes == 201 and max(kit.present(id).max() for id in kit.split("train")) > 100
    assert sum(report(kit).tags.values()) > 30


def test_contact_sheet(case, tmp_path):
    for name in ("exif", "untagged", "many"):
        contact_sheet(case(name), tmp_path / "sheet.png", count=6)
        assert Image.open(tmp_path / "sheet.png").size == (4 * 308, 2 * 192)


def damaged(data, rng):
    "Damage bytes: some changed, or the end cut off, or two parts swapped."
    kind, data = rng.integers(3), bytearray(data)
    if kind == 0:
        for place in rng.integers(len(data), size=rng.integers(1, 20)):
            data[place] = rng.integers(256)
    elif kind == 1:
        del data[rng.integers(len(data)) :]
    else:
        cut = rng.integers(len(data))
        data = data[cut:] + data[:cut]
    return bytes(data)


@pytest.mark.parametrize("seed", range(5))
def test_damage_ends_in_a_message(case, tmp_path, seed, maker):
    "Whatever is done to a file, the check passes or names it; it raises nothing else."
    rng = np.random.default_rng(seed)
    maker.CASES[("xmlgb", "own", "bits16", "rgbmask", "webp")[seed]](root := tmp_path / "case")
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    written = [path for path in files if path.suffix in (".txt", ".csv")]
    for path in written + [files[place] for place in rng.integers(len(files), size=20)]:
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, rng))
        try:
            report(open_devkit(root))
        except DataError as error:
            assert path.name in str(error) or path.stem in str(error), (path, str(error))
        path.write_bytes(whole)
