"""What holds the house together: kernels that load no widgets, runs that know their code.

Extensions that need no edited room.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import PROJECT, command

WIDGETS = ("ipywidgets", "anywidget")


def python(code, **more):
    "Run a few lines in a fresh interpreter."
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, **more)


def test_stages_load_no_widgets():
    code = (
        "import sys; from muscle import report, runner, stage, stages;"
        "print([name for name in %r if name in sys.modules])" % (WIDGETS,)
    )
    done = python(code)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_kernels_load_no_widgets(smoke, tmp_path):
    "A stage's own kernel, asked at its end"
    notebook = json.loads((PROJECT / "nbs" / "stages" / "2_cams.ipynb").read_text())
    asked = f"import sys\nassert not [name for name in {WIDGETS!r} if name in sys.modules]"
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": asked, "id": "asked"}
    notebook["cells"].append(cell)
    (tmp_path / "asked.ipynb").write_text(json.dumps(notebook))
    words = ("papermill", tmp_path / "asked.ipynb", tmp_path / "out.ipynb", "-p", "run", smoke, "-k", "python3")
    done = command(*words, env=os.environ | {"MUSCLE_PROGRESS": os.devnull})  # as the runner starts it
    assert done.returncode == 0, done.stderr


@pytest.fixture
def copied(smoke, tmp_path):
    "A copy of the project's code and of a finished run, to be edited."
    project, folder = tmp_path / "project", tmp_path / "smoke"
    for part in ("muscle", "nbs/stages", "data/published.csv", "settings.ini"):
        source = PROJECT / part
        target = project / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    shutil.copytree(smoke, folder)

    def run(*words):
        environment = os.environ | {"PYTHONPATH": str(project), "JUPYTER_PLATFORM_DIRS": "1"}
        devkit = json.loads((folder / "run.json").read_text())["profile"]["data"]["devkit"]
        words = [
            sys.executable,
            "-m",
            "muscle.commands",
            "run",
            "smoke",
            "--run",
            folder,
            f"data.devkit={devkit}",
            *words,
        ]
        return subprocess.run(list(map(str, words)), cwd=project, env=environment, capture_output=True, text=True)

    return project, folder, run


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_an_edited_loss_is_noticed(copied):
    project, folder, run = copied
    edit(project / "muscle" / "regions.py", "from ", "# a comment, which changes nothing\nfrom ")
    edit(project / "muscle" / "contrast.py", '"Average the binary cross-entropy', '"Give the mean binary cross-entropy')
    before = run()
    assert before.returncode == 0 and before.stdout.count("done before") == 9, before.stdout + before.stderr
    edit(
        project / "muscle" / "contrast.py",
        "return F.multilabel_soft_margin_loss(",
        "return 2 * F.multilabel_soft_margin_loss(",
    )
    said = run()
    assert said.returncode == 2 and "1 encoder: contrast" in said.stderr, said.stdout + said.stderr
    assert "--keep" in said.stderr and "--again encoder" in said.stderr and "5 pseudo" not in said.stderr
    kept = run("--keep")
    assert kept.returncode == 0 and kept.stdout.count("done before") == 9, kept.stdout + kept.stderr
    again = run("--again", 1, "--to", 2)
    assert again.returncode == 0 and "done before" not in again.stdout, again.stdout + again.stderr
    assert (folder / "replaced" / "1_encoder_1" / "encoder" / "model.safetensors").exists()
    made = folder / "encoder" / "model.safetensors"
    before, wanted = made.stat().st_ino, made.read_bytes()
    assert run("--again", "encoder", "--to", 2).returncode == 0  # nothing has changed: done anew all the same
    assert made.stat().st_ino != before and made.read_bytes() == wanted


def test_all_stages_of_other_code_are_named_before_one_moves(copied):
    project, folder, run = copied
    edit(project / "muscle" / "thresholds.py", "POWER = 1.5", "POWER = 2.0")
    before = (folder / "encoder").stat().st_ino
    said = run("--again", 1)
    assert (
        said.returncode == 2
        and "with --again irn_labels --again pseudo --again scores --again segmenter, or only" in said.stderr
    ), said.stdout + said.stderr
    assert (folder / "encoder").stat().st_ino == before
    assert run("--dry-run").stdout.count("thresholds") == 4


def test_what_cannot_be_done_again_moves_nothing(copied):
    _, folder, run = copied
    before = (folder / "encoder").stat().st_ino
    for words, said in (
        (("--again", 1, "--again", "foo"), "no stage 'foo'"),
        (("--again", 1, "--from", 5, "--to", 5), "--again encoder: this command does only pseudo"),
        (("--mend", "cams", "--to", 1), "--mend cams: this command does only encoder"),
    ):
        refused = run(*words)
        assert refused.returncode == 2 and said in refused.stderr, refused.stdout + refused.stderr
    assert (folder / "encoder").stat().st_ino == before
    assert run("--dry-run").stdout.count("done before") == 9


def test_from_without_what_comes_before_is_refused(copied):
    _, _, run = copied
    said = run("--from", 5, "--set", "encoder.epochs=1")
    assert said.returncode == 2 and "--from 1" in said.stderr and "encoder.epochs=2" in said.stderr


def test_a_change_that_cannot_be_done_moves_nothing(copied):
    _, folder, run = copied
    before = (folder / "encoder").stat().st_ino
    said = run("--set", "encoder.backbone=lite3", "encoder.weights=imagenet", "segmenter.weights=imagenet:no.pth")
    assert said.returncode == 2 and "no.pth does not exist" in said.stderr
    said = run("--set", "encoder.backbone=lite3", "encoder.weights=imagenet")
    assert said.returncode == 2 and "encoder.weights: no package carries lite3" in said.stderr
    assert (folder / "encoder").stat().st_ino == before and not (folder / "replaced").exists()


def test_settings_that_come_back_are_taken_back(copied):
    _, folder, run = copied
    before = (folder / "cams").stat().st_ino
    assert run("--set", "cams.scales=0.5", "--to", "cams").returncode == 0
    assert (folder / "cams").stat().st_ino != before
    again = run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert (folder / "cams").stat().st_ino == before


def test_a_lost_and_a_damaged_file_are_made_again(copied):
    _, folder, run = copied
    lost, damaged, *others = sorted((folder / "cams").glob("*.npz"))
    content, times = (
        {path: path.read_bytes() for path in (lost, damaged)},
        {path: path.stat().st_mtime_ns for path in others},
    )
    lost.unlink()
    damaged.write_bytes(damaged.read_bytes()[:100])
    done = run("--mend", "cams")
    assert done.returncode == 0 and "1 damaged" in done.stdout, done.stdout + done.stderr
    assert {path: path.read_bytes() for path in content} == content
    assert {path: path.stat().st_mtime_ns for path in others} == times
    assert done.stdout.count("done before") == 8


def test_an_old_run_is_refused_with_what_to_do(copied):
    _, folder, run = copied
    record = json.loads((folder / "run.json").read_text())
    del record["format"]
    (folder / "run.json").write_text(json.dumps(record))
    said = run()
    assert said.returncode == 2 and "--run" in said.stderr and (folder / "encoder" / "model.safetensors").exists()
