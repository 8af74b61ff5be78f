"""What damage does to the commands: inputs that are broken on purpose.

Run by hand (`python nbs/tests/campaign.py`, some minutes); the last result stands in data/results/campaign.csv.
A damaged input goes through the real command in a process of its own, forked from one that has imported all. It must
end well, or in status 2 with a message that names the file: no traceback, nothing executed, nothing written beside the
folders that are the command's own, within a minute and four gigabytes more than the imports take.
"""

import io
import json
import os
import pickle
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pandas as pd
from PIL import Image
from skimage import data

from muscle.commands import muscle_check, muscle_label, muscle_run
from muscle.profile import PROFILES, PROJECT
from muscle.run import Run
from muscle.runner import failure_of
from muscle.stage import Stage, StageState, mend

SECONDS, MEMORY = 60, 4 << 30
TABLE = PROJECT / "data" / "results" / "campaign.csv"
PHOTOS = {"cat": data.chelsea, "person": data.astronaut, "coffee": data.coffee, "rocket": data.rocket}


def photographs() -> Iterator[tuple[str, Image.Image, Image.Image]]:
    "Give real photographs, made small, each with its name and a mask of one disc."
    for number, (name, read) in enumerate(PHOTOS.items(), 1):
        rows, columns = np.ogrid[:72, :96]
        disc = ((rows - 36) ** 2 + (columns - 48) ** 2 < 500).astype(np.uint8)
        yield name, Image.fromarray(read()).resize((96, 72)), Image.fromarray(disc * number)


def voc_devkit(root: Path) -> None:
    "Make VOC's layout, with everything in it that is read."
    for name, photo, mask in photographs():
        for folder in ("JPEGImages", "SegmentationClass", "Annotations", "ImageSets/Segmentation"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        photo.save(root / "JPEGImages" / f"{name}.jpg")
        mask.save(root / "SegmentationClass" / f"{name}.png")
        text = f'<?xml version="1.0"?>\n<annotation>\n <object>\n  <name>{name}</name>\n </object>\n</annotation>\n'
        (root / "Annotations" / f"{name}.xml").write_text(text)
    for name in ("classes.txt", "ImageSets/Segmentation/train.txt", "ImageSets/Segmentation/val.txt"):
        (root / name).write_text("".join(f"{name}\n" for name in PHOTOS))


def tagged_photos(root: Path) -> None:
    "Make photographs with a table."
    root.mkdir()
    for name, photo, _ in photographs():
        photo.save(root / f"{name}.png")
    (root / "tags.csv").write_text("image,tags\n" + "".join(f"{name}.png,{name};cat\n" for name in PHOTOS))
    (root / "classes.txt").write_text("".join(f"{name}\n" for name in PHOTOS))


def coco_folder(root: Path) -> None:
    "Make COCO's annotations, with polygons and run lengths."
    (root / "annotations").mkdir(parents=True)
    (root / "images").mkdir()
    whole = {"images": [], "annotations": [], "categories": []}
    for number, (name, photo, mask) in enumerate(photographs(), 1):
        photo.save(root / "images" / f"{name}.jpg")
        column = np.asarray(mask).T.ravel().astype(int)
        counts = np.diff([0, *np.flatnonzero(np.diff(column)) + 1, column.size]).tolist()
        runs, polygon = {"size": [72, 96], "counts": counts}, [[30, 20, 60, 20, 60, 50, 30, 50]]
        entry = {"image_id": number, "category_id": number, "segmentation": runs if number % 2 else polygon}
        whole["images"].append({"id": number, "file_name": f"{name}.jpg", "width": 96, "height": 72})
        whole["categories"].append({"id": number, "name": name})
        whole["annotations"].append({"id": number, "iscrowd": 0} | entry)
    (root / "annotations" / "instances_train.json").write_text(json.dumps(whole))


def profiles(root: Path) -> None:
    "Make a profile of one's own, and a dataset for it."
    voc_devkit(root / "voc")
    shutil.copy(PROFILES / "smoke.yaml", root / "own.yaml")


def finished_run(root: Path) -> None:
    "Make a finished run of the smoke profile, with one label taken out for a stage to make again."
    words = [Path(sys.executable).with_name("muscle_run"), "smoke", "--run", root / "run"]
    root.mkdir(parents=True)
    subprocess.run([*words, "--set", f"data.devkit={root / 'shapes'}"], check=True, stdout=subprocess.DEVNULL)
    for name in PHOTOS:
        Image.fromarray(PHOTOS[name]()).resize((96, 72)).save(root / f"{name}.jpg")


class Kind(NamedTuple):
    "A kind of input: what makes it, where it lies, and what reads it."

    made_by: Callable[[Path], None]  # makes the folder that it is part of
    files: str  # pattern of the files that are damaged
    reads: Callable[[Path, Path], None]  # (the folder, the damaged file) → the command that reads it, to its end


def checks(root: Path, file: Path) -> None:
    "Check a dataset."
    muscle_check.main([str(root)])


def takes_profile(root: Path, file: Path) -> None:
    "Say what a run of a profile would do."
    muscle_run.main([str(file), "--devkit", str(root / "voc"), "--run", str(root / "run"), "--dry-run"])


def goes_on(root: Path, file: Path) -> None:
    "Say what is left to do of a finished run, and label a photograph with its networks."
    words = ["smoke", "--run", str(root / "run"), "--dry-run", "--set", f"data.devkit={root / 'shapes'}"]
    muscle_run.main(words, standalone_mode=False)
    labels(root, file)


def labels(root: Path, file: Path) -> None:
    "Label a photograph with a run's networks, by its tags and without."
    words = [str(root / "cat.jpg"), "--run", str(root / "run"), "--out", str(root / "out"), "--tags"]
    muscle_label.main([*words, "fish"], standalone_mode=False)
    muscle_label.main([*words, ""])


def stage_reads(name: str, made: str) -> Callable[[Path, Path], None]:
    "Have a stage make again what it makes of the damaged file, as its notebook does."

    def reads(root: Path, file: Path) -> None:
        stage = Stage(name, {"run": str(root / "run")} | Run(root / "run").settings(name).plain())
        for path in stage.run.folder.glob(made.format(file.stem)):
            path.unlink()
        mend(StageState(name, stage.run))
        try:
            stage.do()
        except Exception as error:  # what the command says when a notebook ends so
            failed = failure_of(stage, type(error).__name__, str(error), file)
            failed.show()
            if failed.exit_code != 2:
                traceback.print_exc()
            sys.exit(failed.exit_code)

    return reads


KINDS = {
    "annotation (XML)": Kind(voc_devkit, "Annotations/*.xml", checks),
    "list of images": Kind(voc_devkit, "ImageSets/Segmentation/*.txt", checks),
    "list of classes": Kind(voc_devkit, "classes.txt", checks),
    "table of tags (CSV)": Kind(tagged_photos, "tags.csv", checks),
    "COCO (JSON)": Kind(coco_folder, "annotations/*.json", checks),
    "photograph (JPEG)": Kind(voc_devkit, "JPEGImages/*.jpg", checks),
    "photograph (PNG)": Kind(tagged_photos, "*.png", checks),
    "mask (PNG)": Kind(voc_devkit, "SegmentationClass/*.png", checks),
    "profile (YAML)": Kind(profiles, "own.yaml", takes_profile),
    "record (run.json)": Kind(finished_run, "run/run.json", goes_on),
    "network (safetensors)": Kind(finished_run, "run/*/model.safetensors", labels),
    "maps (npz)": Kind(finished_run, "run/cams/train_000*.npz", stage_reads("irn_labels", "irn_labels/{}.png")),
    "soft label (npz)": Kind(
        finished_run, "run/pseudo/train_000*.npz", stage_reads("segmenter", "segmenter/model.safetensors")
    ),
}


_STRANGE = "\0 NaN -1 0 1e999 99999999999999999999 [[[[ {} null .. ../../x \\ ; , ' \" < & é \ufeff 名 true {{a".split(
    " "
)
_WORD = re.compile(rb"[\w.+-]+")
_WORDS = re.compile(rb"[^\s,;<>]{2,}")


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    "Damage bytes: some changed, the end cut off, two parts swapped, or words replaced by strange ones."
    how, content = rng.integers(4), bytearray(content)
    near = min(len(content), 2000) if rng.integers(2) else len(content)  # headers are where readers decide
    if how == 0:
        for place in rng.integers(near, size=rng.integers(1, 20)):
            content[place] = rng.integers(256)
    elif how == 1:
        del content[rng.integers(near) :]
    elif how == 2:
        low, middle, high = sorted(rng.integers(near, size=3))
        content = content[:low] + content[middle:high] + content[low:middle] + content[high:]
    elif words := list(_WORD.finditer(content, 0, near)):
        for at in sorted(rng.choice(len(words), min(len(words), rng.integers(1, 4)), replace=False), reverse=True):
            content[slice(*words[at].span())] = str(rng.choice(_STRANGE)).encode()
    return bytes(content)


class Payload:
    "What runs a program when it is unpickled."

    def __reduce__(self):
        return os.system, ("touch executed",)


def _text(text: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    return lambda path: path.write_text(text, encoding=encoding)


def _png(size: tuple[int, int], *chunks: tuple[bytes, bytes]) -> Callable[[Path], None]:
    "A PNG that says to be large, with chunks of one's own."
    header = (b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in (header, *chunks, (b"IDAT", zlib.compress(bytes(10**6))), (b"IEND", b""))
    ]
    return lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def _arrays(**changes: np.ndarray | None) -> Callable[[Path], None]:
    "The arrays of an .npz file, some of them replaced or left out."

    def write(path: Path) -> None:
        with np.load(path) as file:
            whole = {name: file[name] for name in file.files} | changes
        path.unlink()
        np.savez(path, **{name: value for name, value in whole.items() if value is not None})

    return write


def _member(name: str, size: int) -> Callable[[Path], None]:
    "A zip file with a member more, which says to be so many bytes large."

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file, file.open(name, "w", force_zip64=True) as member:
            head = io.BytesIO()
            np.lib.format.write_array_header_1_0(head, dict(descr="<f4", fortran_order=False, shape=(size // 4,)))
            member.write(head.getvalue())
            member.write(bytes(1 << 20))

    return write


def _changed(**changes: object) -> Callable[[Path], None]:
    "A JSON file with keys of its own; in a list, of its first entry."

    def write(path: Path) -> None:
        whole = json.loads(path.read_text())
        for key, value in changes.items():
            *parts, last = key.split("__")
            place = whole
            for part in parts:
                place = place[part][0] if isinstance(place[part], list) else place[part]
            place[last] = value
        path.write_text(json.dumps(whole))

    return write


def _tensors(header: object, size: int | None = None) -> Callable[[Path], None]:
    "A safetensors file with any header."
    text = json.dumps(header).encode()
    return lambda path: path.write_bytes(struct.pack("<Q", len(text) if size is None else size) + text + bytes(64))


_LAUGHS = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
_ALIASES = "a0: &a0 [lol]\n" + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(12))
_NAME = "<annotation><object><name>{}</name></object></annotation>"
_XML = "annotation (XML)"
_COCO, _PROFILE, _RECORD = "COCO (JSON)", "profile (YAML)", "record (run.json)"
_MAPS, _SOFT, _NET = "maps (npz)", "soft label (npz)", "network (safetensors)"


ATTACKS = [
    (_XML, _text(f'<!DOCTYPE a [<!ENTITY a0 "lol">{_LAUGHS}]>' + _NAME.format("&a12;"))),
    (_XML, _text(f'<!DOCTYPE a [<!ENTITY a0 "lol">{_LAUGHS}]>' + _NAME.format("&a12;"), "utf-16")),
    (_XML, _text('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _NAME.format("&x;"))),
    (_XML, _text('<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>' + _NAME.format("cat"))),
    (_XML, _text('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">' + _NAME.format("dog"))),
    (_XML, _text("<a>" * 200_000)),
    (_XML, _text('<?xml version="1.0" encoding="unicode_escape"?>' + _NAME.format("\\x"))),
    (_XML, _text('<?xml version="1.0" encoding="zip"?>' + _NAME.format("cat"))),
    ("list of images", _text("../../../etc/passwd\n..\n/etc/passwd.jpg /../../etc/x.png\n")),
    ("list of images", _text("cat\n" + "x" * 5000 + "\n")),
    ("list of images", _text("cat\n" * 300_000)),
    ("list of classes", _text("cat\n" * 300)),
    ("table of tags (CSV)", _text("image,tags\n../../../../etc/passwd,cat\n..,cat\n")),
    ("table of tags (CSV)", _text("image,tags\n" + "x" * 5000 + ".jpg,cat\n")),
    ("table of tags (CSV)", _text('image,tags\n"' + "x" * 3_000_000)),
    ("photograph (PNG)", _png((60_000, 60_000))),
    ("photograph (PNG)", _png((2**31 - 1, 2**31 - 1))),
    ("photograph (PNG)", _png((11_000, 12_000))),
    ("photograph (PNG)", _png((96, 72), (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(10**8))))),
    ("mask (PNG)", _png((60_000, 60_000))),
    (_COCO, _text("[" * 200_000)),
    (_COCO, _text("[1, 2]")),
    (_COCO, _text("9" * 10_000)),
    (_COCO, _changed(images__file_name="../../../../etc/passwd")),
    (_COCO, _changed(images__file_name="x" * 5000 + ".jpg")),
    (_COCO, _changed(images__file_name=["cat.jpg"])),
    (_COCO, _changed(images__id={"a": 1})),
    (_COCO, _changed(images__width=10**6, images__height=10**6)),
    (_COCO, _changed(images__width="1e9")),
    (_COCO, _changed(annotations__segmentation={"size": [72, 96], "counts": [-5, 10**12]})),
    (_COCO, _changed(annotations__segmentation={"size": [72, 96], "counts": "~" * 10_000})),
    (_COCO, _changed(annotations__segmentation={"size": [10**9, 10**9], "counts": [10**18]})),
    (_COCO, _changed(annotations__segmentation=[[1e300, 0, 1e9, 1e9, 0, -1e300]])),
    (_COCO, _changed(annotations__segmentation=[[0, 0, 0, 0, float("nan"), float("inf")]])),
    (_COCO, _changed(annotations__segmentation=7)),
    (_COCO, _changed(categories__name=None)),
    (_PROFILE, _text('!!python/object/apply:os.system ["touch executed"]')),
    (_PROFILE, _text('about: !!python/object/new:os.system ["touch executed"]')),
    (_PROFILE, _text(_ALIASES)),
    (_PROFILE, lambda path: path.write_text(path.read_text().replace("about:", f"{_ALIASES}about: *a12 #"))),
    (_PROFILE, _text("a: &a [*a]")),
    (_PROFILE, _text("seed: &a {<<: *a}")),
    (_PROFILE, _text("[" * 100_000)),
    (_PROFILE, _text("seed: 2001-99-99\ndata: 0b2")),
    (_PROFILE, lambda path: path.write_bytes(path.read_bytes() + b"# \xe4\n")),
    (_PROFILE, lambda path: path.write_text(path.read_text().replace("seed: 0", "seed: " + "9" * 5000))),
    (_RECORD, _text("[" * 200_000)),
    (_RECORD, _text("9" * 10_000)),
    (_RECORD, _text('{"format": 2}')),
    (_RECORD, lambda path: path.write_bytes(b"\xff\xfe\xe4")),
    (_RECORD, _changed(stages=[])),
    (_RECORD, _changed(stages__cams={"state": "done"})),
    (_RECORD, _changed(stages__encoder__parameters={"backbone": "__import__('os').system('touch executed')"})),
    (_RECORD, _changed(stages__encoder__code=7)),
    (_RECORD, _changed(results=None)),
    (_RECORD, _changed(profile=None)),
    (_RECORD, _changed(profile__data__devkit="/etc")),
    (_RECORD, _changed(classes="../../x")),
    (_NET, lambda path: path.write_bytes(pickle.dumps(Payload()))),
    (_NET, _tensors({}, 2**62)),
    (_NET, _tensors({"x": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 64]}})),
    (_NET, _tensors({"x": {"dtype": "F32", "shape": [16], "data_offsets": [32, 10**12]}})),
    (_NET, _tensors({"../../x": {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]}})),
    (_MAPS, _arrays(sgc=np.array([Payload()], object))),
    (_MAPS, _member("../../escaped.npy", 1 << 20)),
    (_MAPS, _member("more.npy", 1 << 40)),
    (_MAPS, _arrays(sgc=None)),
    (_MAPS, _arrays(sgc=np.zeros((1, 3)))),
    (_MAPS, _arrays(sgc=np.full((1, 8, 8), np.nan))),
    (_MAPS, _arrays(sgc=np.array("text"))),
    (_MAPS, _arrays(classes=np.array([200]))),
    (_MAPS, _arrays(photo=np.array([10**6, 10**6]))),
    (_SOFT, _arrays(planes=np.array([Payload()], object))),
    (_SOFT, _arrays(planes=np.zeros((1, 1, 1)))),
    (_SOFT, _arrays(classes=np.array([250]))),
    (_SOFT, _arrays(background=np.array([]))),
    (_SOFT, _arrays(size=np.array([10**6, 10**6]))),
    (_SOFT, _arrays(size=np.array("text"))),
]


class Outcome(NamedTuple):
    "How a command ended."

    status: int | None  # None: it was at work for a minute
    said: str  # what it printed
    misdeeds: list[str]  # programs that it ran, and files that it wrote where it should not

    def fault(self, file: Path, before: bytes) -> str:  # nothing where all is well
        "Say what is wrong with it: a message names the file, or a word that the damage has put there."
        if self.misdeeds:
            return f"it did {self.misdeeds[0]}"
        if self.status is None:
            return f"no end after {SECONDS} s"
        if "Traceback" in self.said or self.status not in (0, 2):
            return f"status {self.status}, {(self.said.strip().splitlines() or ['silent'])[-1][:200]}"
        new = set(_WORDS.findall(file.read_bytes())) - set(_WORDS.findall(before)) if file.is_file() else ()
        words = {file.stem, *(word.decode(errors="replace") for word in new)}
        named = self.status == 0 or any(word in self.said for word in words)
        return "" if named else f"the message does not name {file.name}: {self.said.strip()[:200]}"


def watch(own: list[Path], diary: int) -> None:
    "Write down what this process does that reading a file needs not."
    places = tuple(str(path) for path in own)

    def hook(event: str, values: tuple) -> None:
        deed = ""
        if event == "open" and isinstance(values[0], str) and values[2] & (os.O_WRONLY | os.O_RDWR):
            deed = "" if os.path.abspath(values[0]).startswith((*places, "/dev/")) else f"write {values[0]}"
        elif event in ("os.system", "os.exec", "os.posix_spawn", "socket.connect", "subprocess.Popen"):
            deed = "" if values[0] == "git" else f"{event} {values[:2]}"
        if deed:
            os.write(diary, f"{deed}\n".encode())

    sys.addaudithook(hook)


def in_a_process(root: Path, file: Path, reads: Callable[[Path, Path], None]) -> Outcome:
    "Have a command read a damaged file, and watch it."
    (root / "tmp").mkdir()
    said, diary = root / "tmp" / "said", root / "tmp" / "diary"
    outputs = [os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND) for path in (said, diary)]
    child = os.fork()
    if child == 0:
        for stream in (1, 2):
            os.dup2(outputs[0], stream)
        os.chdir(root)
        tempfile.tempdir = str(root / "tmp")
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
        watch([root / "run", root / "out", root / "tmp"], outputs[1])
        os._exit(_status_of(lambda: reads(root, file)))
    status = _ended(child)
    for output in outputs:
        os.close(output)
    return Outcome(status, said.read_text(errors="replace"), diary.read_text().splitlines())


def _status_of(command: Callable[[], None]) -> int:
    "Run a command as a program would."
    try:
        command()
        return 0
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _ended(child: int) -> int | None:
    "Wait for a process; nothing if its time was over first."
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


class Trial(NamedTuple):
    "A damaged input and what became of it."

    kind: str  # of KINDS
    number: str  # how it was damaged
    status: int | None
    fault: str


def tried(name: str, whole: Path, damage: Callable[[Path, np.random.Generator], None], number: str, seed: int) -> Trial:
    "Damage one file of a copy, and have it read."
    kind, rng = KINDS[name], np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(dir=whole.parent, prefix=".") as scratch:
        root = Path(scratch) / "trial"
        shutil.copytree(whole, root, copy_function=os.link)
        files = sorted(root.glob(kind.files))
        file = files[rng.integers(len(files))]
        content = file.read_bytes()
        file.unlink()  # the link, not what it is linked to
        file.write_bytes(content)
        damage(file, rng)
        outcome = in_a_process(root, file, kind.reads)
        fault = outcome.fault(file, content)
    if fault:
        print(f"{name}, {number}: {fault}\n    {outcome.said[-600:]}", flush=True)
    return Trial(name, number, outcome.status, fault)


def by_chance(path: Path, rng: np.random.Generator) -> None:
    "Damage a file's bytes."
    path.write_bytes(damaged(path.read_bytes(), rng))


def noted(rows: list[dict]) -> None:
    "Write the table down."
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(TABLE, index=False)


@click.command()
@click.option("--seed", default=0)
@click.option("--count", default=500, help="Inputs damaged by chance; those of ATTACKS are tried besides.")
@click.option("--kind", "only", help="Only inputs of a kind whose name begins so.")
@click.option("--work", type=click.Path(path_type=Path), help="Folder that whole inputs are made in, or found.")
def campaign(seed: int, count: int, only: str | None, work: Path | None) -> None:
    "Damage inputs, and give each to the command that reads it."
    work = work or Path(tempfile.mkdtemp(prefix="campaign."))
    wanted = [name for name in KINDS if name.startswith(only or "")]
    wholes = {maker: work / maker.__name__ for maker in {KINDS[name].made_by for name in wanted}}
    for maker, whole in wholes.items():
        if not whole.exists():
            whole.parent.mkdir(parents=True, exist_ok=True)
            maker(whole)
    trials = []
    for number, (name, attack) in enumerate(ATTACKS):
        if name in wanted:
            whole = wholes[KINDS[name].made_by]
            trials.append(tried(name, whole, lambda path, rng: attack(path), f"attack {number}", seed))  # noqa: B023
    for number in range(count):
        name = wanted[number % len(wanted)]
        trials.append(tried(name, wholes[KINDS[name].made_by], by_chance, f"chance {number}", seed * 10**6 + number))
    table = pd.DataFrame(trials)
    table = table.assign(
        succeeded=(table["status"] == 0) & (table["fault"] == ""),
        refused=(table["status"] == 2) & (table["fault"] == ""),
        faults=table["fault"] != "",
    )
    found = table.groupby("kind", sort=False).agg(
        tried=("kind", "size"),
        succeeded=("succeeded", "sum"),
        refused_by_name=("refused", "sum"),
        faults=("faults", "sum"),
    )
    print(found.to_string())
    if not only:
        noted(found.reset_index().to_dict("records"))


if __name__ == "__main__":
    campaign()
