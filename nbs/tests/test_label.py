"""muscle_label on real photographs, with the networks that ship: right ways, wrong ways, odd files."""

import os
import subprocess

import numpy as np
import pytest
from conftest import command
from PIL import Image
from skimage import data

from muscle.devkit import VOC_CLASSES, read_label
from muscle.profile import PROJECT

CAT = 1 + VOC_CLASSES.index("cat")
SHIPPED = PROJECT / "data" / "models" / "voc_lite"


def label(*words, status=0):
    "Run the command; its lines."
    done = command("muscle_label", *words)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def cat(tmp_path):
    "A cat's photograph, public domain."
    path = tmp_path / "chelsea.png"
    Image.fromarray(data.chelsea()).save(path)
    return path


def test_the_networks_that_ship_are_small_and_say_what_they_are():
    files = list(SHIPPED.rglob("*.safetensors"))
    assert len(files) == 3 and sum(path.stat().st_size for path in files) <= 16e6
    assert "Flickr" in (SHIPPED / "README.md").read_text(encoding="utf-8")


def test_a_cat_is_found_from_its_tag(cat, tmp_path):
    said = label(cat, "--tags", "cat", "--out", tmp_path / "out")
    found = read_label(tmp_path / "out" / "chelsea.png")
    assert found.shape == (300, 451) and set(np.unique(found)) <= {0, CAT}
    assert (found == CAT)[60:240, 120:330].mean() > 0.6 and "cat" in said
    assert (tmp_path / "out" / "chelsea_overlay.jpg").is_file()
    assert (tmp_path / "out" / "classes.txt").read_text().splitlines()[CAT] == "cat"


def test_without_tags_the_segmenter_decides(cat, tmp_path):
    label(cat, "--out", tmp_path / "out")
    assert read_label(tmp_path / "out" / "chelsea.png").shape == (300, 451)


def test_a_folder_with_odd_files(tmp_path):
    folder, image = tmp_path / "in", Image.fromarray(data.chelsea())
    (folder / "deep").mkdir(parents=True)
    image.convert("CMYK").save(folder / "cmyk.jpg")
    image.resize((8, 8)).save(folder / "tiny.png")
    image.convert("P").save(folder / "palette.png", transparency=0)
    Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(folder / "sixteen.png")
    turned = Image.Exif()
    turned[274] = 6
    image.save(folder / "turned.jpg", exif=turned)
    image.resize((7800, 5200)).save(folder / "large.jpg")
    image.save(folder / "deep" / "tiny.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    said = label(folder, "--tags", "cat", "--out", tmp_path / "out", status=2)
    assert "broken.jpg  not labelled" in said and "1 of 8" in said
    sizes = {path.stem: read_label(path).shape for path in (tmp_path / "out").glob("*.png")}
    assert sizes["turned"] == (451, 300) and sizes["large"] == (5200, 7800) and sizes["tiny"] in ((8, 8), (300, 451))
    assert len(sizes) == 7


@pytest.mark.parametrize(
    "words, reason",
    [
        (["{cat}", "--tags", "kat"], "did you mean 'cat'"),
        (["missing.jpg"], "no such file or folder"),
        (["{cat}", "--run", "nowhere"], "does not exist"),
        (["{cat}", ""], "it is empty; is a variable not set?"),
        (["{cat}", "--tags", ""], "it is empty; is a variable not set?"),
        (["{cat}", "--tags", ", ,"], "--tags has no tag"),
    ],
)
def test_wrong_words_are_named(cat, tmp_path, words, reason):
    assert reason in label(*(word.format(cat=cat) for word in words), "--out", tmp_path / "out", status=2)


def test_nothing_but_labels_is_replaced(cat, tmp_path):
    "Not the photograph, not a dataset's class list, not a mask that somebody drew."
    said = label(cat, "--out", tmp_path, status=2)
    assert "chelsea.png is there and no label" in said
    cat.rename(tmp_path / "chelsea.PNG")
    (tmp_path / "classes.txt").write_text("person\ncat\n")
    said = label(tmp_path, "--out", tmp_path, status=2)
    assert "classes.txt lists other classes" in said and (tmp_path / "classes.txt").read_text() == "person\ncat\n"


def test_a_label_of_another_photograph_is_not_replaced(cat, tmp_path):
    "Cameras give one name again and again."
    photo, out = Image.open(cat).resize((90, 60)), tmp_path / "out"
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        photo.save(tmp_path / folder / "IMG_1.jpg")
    label(tmp_path / "a" / "IMG_1.jpg", "--tags", "cat", "--out", out)
    said = label(tmp_path / "b" / "IMG_1.jpg", "--tags", "dog", "--out", out, status=2)
    assert "IMG_1.png is the label of another photograph, ../a/IMG_1.jpg: choose another folder" in said
    label(tmp_path / "a" / "IMG_1.jpg", "--tags", "dog", "--out", out)


def test_a_table_of_tags_is_used(cat, tmp_path):
    "What a folder's tags.csv says counts as --tags does, unless the networks do not know its classes."
    folder, photo = tmp_path / "in", Image.open(cat).resize((120, 80))
    folder.mkdir()
    for name in ("one.jpg", "two.jpg"):
        photo.save(folder / name)
    (folder / "tags.csv").write_text("image,tags\none.jpg,cat\n")
    said = label(folder, "--out", tmp_path / "out")
    assert f"{folder / 'tags.csv'} says what is in 1 of 2 photographs" in said and "2 labels" in said
    assert set(np.unique(read_label(tmp_path / "out" / "one.png"))) == {0, CAT}
    label(folder / "one.jpg", "--tags", "cat", "--out", tmp_path / "told")
    assert (tmp_path / "told" / "one.png").read_bytes() == (tmp_path / "out" / "one.png").read_bytes()
    (folder / "tags.csv").write_text("image,tags\none.jpg,lynx\n")
    assert "tags.csv is not used: 'lynx' is no class of these" in label(folder, "--out", tmp_path / "other")
    (folder / "tags.csv").write_text("name,price\none.jpg,3\n")
    assert "tags.csv is not used: " in label(folder, "--out", tmp_path / "more")


def test_a_link_leaves_a_photograph_its_name(cat, tmp_path):
    photo, folder = Image.open(cat).resize((90, 60)), tmp_path / "in"
    folder.mkdir()
    photo.save(folder / "one.jpg")
    (folder / "two.jpg").symlink_to("one.jpg")
    label(folder, "--out", tmp_path / "out")
    assert {path.stem for path in (tmp_path / "out").glob("*.png")} == {"one"}


def test_labelled_twice_is_labelled_once(cat, tmp_path):
    "Labels among the photographs are no photographs; names in brackets are names; three of one name have three labels."
    photo = Image.open(cat).resize((90, 60))
    for name in ("a/x.jpg", "b/x.jpg", "x_2.jpg", "x[1].jpg", "x1.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        photo.save(tmp_path / "photos" / name)
    out = tmp_path / "photos" / "labels"
    for _ in range(2):
        assert "5 labels" in label(tmp_path / "photos", "--tags", "cat", "--tags", "dog;sofa", "--out", out)
        assert {path.stem for path in out.glob("*.png")} == {"x", "x_2", "x_3", "x[1]", "x1"}
    assert "x[1].jpg" in label(tmp_path / "photos" / "x[1].jpg", "--out", tmp_path / "one")


def test_what_is_not_labelled_is_said(cat, tmp_path):
    "Earlier labels, pictures of a kind that is not read, hidden files; and a name that no terminal can show."
    folder, photo = tmp_path / "in", Image.open(cat).resize((90, 60)).convert("RGB")
    (folder / ".trash").mkdir(parents=True)
    for name in ("dog.png", "dog_overlay.jpg", "._dog.jpg", ".trash/old.jpg", "cat.jpg", "cat.png", "CAT.jpg"):
        photo.save(folder / name)
    os.link(folder / "cat.jpg", os.fsencode(folder) + b"/\xff.jpg")
    (folder / f"{'x' * 246}.jpg").hardlink_to(folder / "cat.jpg")
    (folder / "b.HEIC").write_bytes(b"")
    said = label(folder, folder / "cat.jpg", "--out", tmp_path / "out", status=2)
    assert "1 not read, save them as JPEG: b.HEIC" in said and "2 labels made earlier are left out" in said
    assert "not labelled" in said and "too long" in said and "1 of 5 photographs were not labelled" in said
    assert "→ cat_2.png" in said
    assert len(list((tmp_path / "out").glob("*.png"))) == 4
    assert "no photograph is in it" in label(folder / "dog.png", "--out", tmp_path / "out", status=2)


def test_a_disk_that_is_full_keeps_what_was_there(cat, tmp_path):
    "Here a limit on the size of files."
    label(cat, "--tags", "cat", "--out", tmp_path / "out")
    whole = (tmp_path / "out" / "chelsea_overlay.jpg").read_bytes()
    limited = f"ulimit -f 10; muscle_label {cat} --tags cat --out {tmp_path / 'out'}"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert done.returncode == 2 and "chelsea_overlay.jpg" in done.stdout and "Traceback" not in done.stderr
    assert (tmp_path / "out" / "chelsea_overlay.jpg").read_bytes() == whole
