"""The explorer and two stage notebooks in a real JupyterLab, driven by headless Chromium: run, move, click, look.

Screenshots go to test-artifacts/. MUSCLE_LAB_RUN=runs/demo shows that run instead of a small one made for the test;
README's picture is such a screenshot.
"""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import nbformat
import pytest
from conftest import CHROMIUM, COMMANDS, NO_CHROMIUM, PROJECT

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason=NO_CHROMIUM)
SHOTS = PROJECT / "test-artifacts"
QUIET = ("no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking", "disable-component-update")
BROKEN = ("Error displaying widget", "Error creating widget", "Loading widget", "model not found", "Traceback (most")
PATIENCE = 60_000  # milliseconds for a picture to follow a hand

STAND_IN = """# two small epochs have taught this run nothing: let it say what the masks say, out of focus
import numpy as np, torch
from PIL import Image, ImageFilter
from muscle.view import Layer

first = next(iter(views.values()))

def soft(id, spread):
    planes = [Image.fromarray(np.uint8(255 * (first.devkit.mask(id) == c))) for c in range(len(first.names))]
    blurred = [np.asarray(plane.filter(ImageFilter.GaussianBlur(spread)), np.float32) for plane in planes]
    return np.stack(blurred) / 255

def layer(id, source):
    spread = {"CAM": 8, "SGC": 6, "walk": 4, "segmentation": 3}.get(source, 1)
    return Layer(tuple(first.classes(id)), soft(id, spread)[first.classes(id)])

first.layer, first.segmented = layer, lambda id: torch.from_numpy(soft(id, 3))[None]"""


def copied(source, target, run, extra=()):
    "Copy a notebook without outputs, whose run is `run`; `extra` code comes after the parameters and the run."
    notebook = nbformat.read(source, as_version=4)
    code = [place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    notebook.cells[code[1] + 1 : code[1] + 1] = map(nbformat.v4.new_code_cell, extra)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source += f"\nrun = {str(run)!r}"
    nbformat.write(notebook, target)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    "Serve the project in a JupyterLab with nobody's settings; give its address and a folder for notebooks."
    home, folder = tmp_path_factory.mktemp("jupyter"), SHOTS / "lab"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    quiet = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
    own |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    environment = os.environ | {name: str(home / place) for name, place in own.items()}
    words = [COMMANDS / "jupyter-lab", "--no-browser", "--allow-root", "--expose-app-in-browser", f"--port={port}"]
    words += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={PROJECT}"]
    address = f"http://127.0.0.1:{port}"
    with open(SHOTS / "jupyterlab.log", "w") as log:
        server = subprocess.Popen(list(map(str, words)), cwd=PROJECT, env=environment, stdout=log, stderr=log)
        try:
            await_server(server, f"{address}/api/status")
            yield address, folder
        finally:
            server.terminate()
            server.wait(20)


def await_server(server, address):
    "Wait until it answers."
    for _ in range(600):
        assert server.poll() is None, (SHOTS / "jupyterlab.log").read_text()[-2000:]
        try:
            return urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    raise TimeoutError("JupyterLab does not answer; see test-artifacts/jupyterlab.log")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=[f"--{word}" for word in QUIET])
        yield chromium
        chromium.close()


def opened(browser, lab, name):
    "Open a notebook in JupyterLab, alone on the page, and run all its cells."
    page = browser.new_page(viewport={"width": 1400, "height": 1130})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{lab[0]}/lab/tree/{lab[1].relative_to(PROJECT)}/{name}?reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
    session = "jupyterapp.shell.currentWidget.context.sessionContext"
    page.evaluate(f"async () => {{ await jupyterapp.restored; await {session}.ready; }}")
    page.evaluate("() => { if (!jupyterapp.shell.leftCollapsed) jupyterapp.shell.collapseLeft(); }")
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
    rest(page)
    return page


def rest(page):
    "Wait until the kernel has nothing to do."
    session = "jupyterapp.shell.currentWidget.context.sessionContext.session"
    page.wait_for_function(f"() => {session}.kernel.status === 'idle'", timeout=600_000)


def sound(page):
    "Check that no cell ended in an error, wrote to stderr or lost its widget."
    outputs = page.evaluate("""() => [...jupyterapp.shell.currentWidget.content.model.cells]
        .filter(cell => cell.type === 'code').flatMap(cell => cell.outputs.toJSON())
        .map(output => [output.output_type, output.name || '', output.evalue || output.text || ''])""")
    assert outputs and not [output for output in outputs if output[0] == "error" or output[1] == "stderr"], outputs
    said = page.locator(".jp-NotebookPanel").inner_text()
    assert not [text for text in BROKEN if text in said], said


def widget(page, name):
    "Scroll to the output of the cell that makes a widget."
    cell = page.evaluate(
        """name => [...jupyterapp.shell.currentWidget.content.model.cells]
        .findIndex(cell => cell.sharedModel.source.includes(name))""",
        f".{name}(",
    )
    page.evaluate(
        """async place => { const notebook = jupyterapp.shell.currentWidget.content;
        notebook.activeCellIndex = place; await notebook.scrollToItem(place, 'start'); }""",
        cell,
    )
    shown = page.locator(f".jp-Cell[data-windowed-list-index='{cell}']")
    shown.evaluate("cell => cell.scrollIntoView({ block: 'start' })")
    shown.locator(".muscle-picture img[src]").first.wait_for()
    return shown.locator(".jp-OutputArea-output").filter(has=page.locator(".muscle-picture"))  # not a bar of progress


def shot(page, name):
    rest(page)
    page.screenshot(path=SHOTS / f"{name}.png")


def picture(output, caption):
    return output.locator(f'.muscle-picture[data-caption="{caption}"] img')


def content(image):
    "Give the bytes that a picture shows."
    return image.evaluate("""async image => image.src
        ? [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())].join() : ''""")


class Changes:
    "A picture or text that must be another one at the end."

    def __init__(self, image, read=content):
        self.image, self.read = image, read

    def __enter__(self):
        self.before = self.read(self.image)

    def __exit__(self, kind, *_):
        until = time.monotonic() + PATIENCE / 1000
        while kind is None and self.read(self.image) == self.before:
            assert time.monotonic() < until, "nothing changed"
            time.sleep(0.05)


def press(output, slider, key, times=1):
    "Press a key on a slider."
    handle = output.locator(".widget-slider").filter(has_text=slider).first.locator(".noUi-handle")
    for _ in range(times):
        handle.press(key)


def click(image, across, down):
    "Click at a share of a picture's width and height."
    box = image.bounding_box()
    image.click(position={"x": across * box["width"], "y": down * box["height"]})


def speechless(output):
    "List the controls that do not say what they do."
    return output.evaluate("""output => [...output.querySelectorAll(
        '.widget-slider, .widget-dropdown, .widget-select, .widget-text, .widget-checkbox, button')]
        .filter(one => one.offsetParent && !one.title && !one.querySelector('[title]:not([title=""])'))
        .map(one => one.outerHTML.slice(0, 200))""")


@pytest.fixture(scope="module")
def explore(lab, browser, request):
    "Open explore.ipynb, run."
    trained = os.environ.get("MUSCLE_LAB_RUN")
    run = trained or request.getfixturevalue("smoke")
    copied(PROJECT / "nbs" / "explore.ipynb", lab[1] / "explore.ipynb", run, () if trained else (STAND_IN,))
    page = opened(browser, lab, "explore.ipynb")
    shot(page, "explore")
    sound(page)
    return page


def test_explorer(explore):
    explorer = widget(explore, "CamExplorer")
    captions = ("maps; click a pixel", "label; click a pixel", "walk from the clicked pixel")
    maps, label, walk = (picture(explorer, caption) for caption in captions)
    said = explorer.locator(".widget-html").filter(has_text="IoU")
    own = explorer.get_by_text("the run's own")
    begun = content(label)
    with Changes(label), Changes(said, lambda text: text.inner_text()):
        press(explorer, "background", "Home")
    with Changes(label):
        own.click()
    assert content(label) == begun
    with Changes(maps):
        press(explorer, "strength", "ArrowLeft", 2)
    with Changes(maps):
        explorer.locator(".widget-dropdown").filter(has_text="source").locator("select").select_option("walk")
    with Changes(walk):
        click(maps, 0.4, 0.4)
    with Changes(walk):
        press(explorer, "walk steps", "End")
    ring = explorer.locator(".muscle-picture > div > span:visible").first
    with Changes(walk), Changes(ring, lambda ring: ring.get_attribute("style")):
        maps.locator("../..").press("Shift+ArrowDown")
    assert not speechless(explorer)
    widget(explore, "CamExplorer")
    shot(explore, "explorer")
    with Changes(maps):
        explorer.get_by_role("button", name="next").click()
    search = explorer.get_by_placeholder("name or class")
    search.fill("owl")
    explorer.get_by_text("of").filter(has_text="images").first.wait_for()
    playwright.expect(explorer.locator("select[size] option")).not_to_have_count(0)
    search.fill("nothing of the kind")
    explorer.get_by_text("nothing fits").wait_for()
    playwright.expect(explorer.locator(".muscle-picture > div > span:visible")).to_have_count(0)
    search.fill("")
    maps.wait_for()
    sound(explore)


def test_zoom_and_save(explore):
    explorer = widget(explore, "CamExplorer")
    maps, label = (picture(explorer, caption) for caption in ("maps; click a pixel", "label; click a pixel"))
    zoom = lambda image: image.locator("..").get_attribute("style")
    click(maps, 0.5, 0.5)
    with Changes(maps, zoom), Changes(label, zoom):  # the wheel, after a click; the pictures keep together
        maps.hover(position={"x": 100, "y": 80})
        explore.mouse.wheel(0, -300)
    with Changes(maps, zoom):
        box = maps.locator("../..").bounding_box()
        explore.mouse.move(box["x"] + 120, box["y"] + 100)
        explore.mouse.down()
        explore.mouse.move(box["x"] + 60, box["y"] + 60, steps=4)
        explore.mouse.up()
    frame = label.locator("../..")
    frame.hover()
    for name, end in (("save", (".png", ".jpg")), ("label", (".png",))):
        with explore.expect_download() as download:
            frame.get_by_role("button", name=name, exact=True).click()
        assert download.value.suggested_filename.endswith(end)
    frame.hover()
    with Changes(maps, zoom):
        frame.get_by_role("button", name="▣").click()
    sound(explore)


def test_beacon_viewer(explore):
    viewer = widget(explore, "BeaconViewer")
    shot(explore, "beacon")
    assert not speechless(viewer)
    press(viewer, "points", "Home")
    with Changes(picture(viewer, "walk along the gradient")):
        press(viewer, "step", "ArrowRight", 3)
    with Changes(picture(viewer, "boundary")):
        viewer.get_by_role("button", name="next").click()
    sound(explore)


def test_view_matcher(explore):
    matcher = widget(explore, "ViewMatcher")
    views = picture(matcher, "two views")
    shot(explore, "matcher")
    assert not speechless(matcher)
    matcher.get_by_text("with the norm of training").wait_for()
    with Changes(views):
        matcher.get_by_role("button", name="another draw").click()
    matcher.locator(".widget-dropdown").filter(has_text="norm").locator("select").select_option(index=0)
    matcher.get_by_text("with the norm of training").wait_for(state="detached")
    sound(explore)


def test_run_comparer(explore):
    comparer = widget(explore, "RunComparer")
    shot(explore, "comparer")
    assert not speechless(comparer)
    with Changes(picture(comparer, "truth")):
        comparer.locator("select[size]").press("ArrowDown")
    with Changes(picture(comparer, "other")):
        comparer.locator(".widget-dropdown select").last.select_option("segmentation")
    sound(explore)


def test_photo(explore, tmp_path):
    from PIL import Image

    trial = widget(explore, "PhotoTrial")
    maps, segmented = picture(trial, "drop photos here"), picture(trial, "the segmenter's label")
    shot(explore, "photo")
    assert not speechless(trial)
    for name, kind in (("photo.png", Image.radial_gradient), ("other.png", Image.linear_gradient)):
        kind("L").convert("RGB").save(tmp_path / name)
    with Changes(maps), explore.expect_file_chooser() as chooser:
        trial.get_by_role("button", name="choose photos").click()
        chooser.value.set_files(tmp_path / "photo.png")
    with Changes(segmented):
        trial.get_by_role("button", name="look").click()
    trial.get_by_text("the segmenter found").wait_for()
    drop = """async (frame, [name, bytes]) => { const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/png' }));
        frame.dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true })); }"""
    frame = maps.locator("../..")
    with Changes(maps):
        frame.evaluate(drop, ["other.png", list((tmp_path / "other.png").read_bytes())])
    shown = content(maps)
    frame.evaluate(drop, ["notes.png", list(b"not a picture")])
    trial.get_by_text("notes.png is no picture").wait_for()
    assert content(maps) == shown  # what was there stays
    sound(explore)


@pytest.mark.parametrize("theme, width", [("Light", 900), ("Dark", 900), ("Dark", 1400)])
def test_looks(explore, theme, width):
    "Take screenshots for a person: nothing may be wider than the page."
    explore.set_viewport_size({"width": width, "height": 1130})
    explore.evaluate(f"() => jupyterapp.commands.execute('apputils:change-theme', {{ theme: 'JupyterLab {theme}' }})")
    for name in ("CamExplorer", "BeaconViewer", "ViewMatcher", "RunComparer", "PhotoTrial"):
        shown = widget(explore, name)
        explore.wait_for_timeout(500)
        shot(explore, f"{name}-{theme}-{width}".lower())
        assert shown.first.evaluate("one => one.scrollWidth <= one.clientWidth + 1"), name


@pytest.mark.parametrize("name", ["2_cams", "6_scores"])
def test_stage_notebook(lab, browser, smoke, name):
    copied(PROJECT / "nbs" / "stages" / f"{name}.ipynb", lab[1] / f"{name}.ipynb", smoke)
    page = opened(browser, lab, f"{name}.ipynb")
    shot(page, name)
    sound(page)
    assert page.locator(".jp-NotebookPanel .jp-OutputArea-output").count()
    page.close()
