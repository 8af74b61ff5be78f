"""What the test files share: the project's commands, and one unbroken run of the smoke profile."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
COMMANDS = Path(sys.executable).parent


def command(*words, **more):
    "A command of the project, run to its end"
    return subprocess.run(
        [COMMANDS / words[0], *map(str, words[1:])], cwd=PROJECT, capture_output=True, text=True, **more
    )


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data") / "shapes"


@pytest.fixture(scope="session")
def smoke(tmp_path_factory, data):
    "One unbroken run of all nine stages"
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    done = command("muscle_run", "smoke", "--run", folder, "--set", f"data.devkit={data}")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
