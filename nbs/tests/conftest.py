"""What the test files share: the project's commands, a browser, and one unbroken run of the smoke profile."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
COMMANDS = Path(sys.executable).parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = "needs a Chromium browser: on Debian, apt install chromium"


def command(*words, **more):
    "A command of the project, run to its end"
    return subprocess.run(
        [COMMANDS / words[0], *map(str, words[1:])], cwd=PROJECT, capture_output=True, text=True, **more
    )


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    if not CHROMIUM:
        pytest.skip(NO_CHROMIUM)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


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
