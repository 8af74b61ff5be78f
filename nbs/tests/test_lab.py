"""The tour and two stage notebooks in a real JupyterLab, driven by headless Chromium: run, move, click, look. Screenshots go to test-artifacts/.

MUSCLE_LAB_RUN=runs/demo shows that run in the tour instead of a small one made for the test; README's picture is such a screenshot.
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
from conftest import COMMANDS, PROJECT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs a Chromium browser: on Debian, apt install chromium")
SHOTS = PROJECT / "test-artifacts"
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
BROKEN = ("Error displaying widget", "Error creating widget", "Loading widget", "model not found", "Traceback (most recent call last)")
PATIENCE = 30_000                                # milliseconds for a picture to follow a hand


STAND_IN = """# two small epochs have taught this run nothing: let it say what the masks say, out of focus
import numpy as np, torch
from PIL import Image, ImageFilter

def soft(id, spread):
    planes = [Image.fromarray(np.uint8(255 * (view.devkit.mask(id) == c))) for c in range(len(view.names))]
    return np.stack([np.asarray(plane.filter(ImageFilter.GaussianBlur(spread)), np.float32) / 255 for plane in planes])

view.layer = lambda id, source: widgets.Layer(tuple(view.classes(id)), soft(id, {"CAM": 8, "SGC": 6, "walk": 4, "segmentation": 3}.get(source, 1))[view.classes(id)])
view.segmented = lambda id: torch.from_numpy(soft(id, 3))[None]"""


def copied(source, target, run, extra=()):
    "A notebook without outputs, whose run is `run`; `extra` code comes after its first cells of code, the parameters and the run"
    notebook = nbformat.read(source, as_version=4)
    code = [place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    notebook.cells[code[1] + 1:code[1] + 1] = map(nbformat.v4.new_code_cell, extra)
    for cell in notebook.cells:
        if cell.cell_type == "code": cell.outputs, cell.execution_count = [], None
        if "parameters" in cell.metadata.get("tags", ()): cell.source += f"\nrun = {str(run)!r}"
    nbformat.write(notebook, target)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    "A JupyterLab of the project, with nobody's settings; gives its address and a folder in it for notebooks"
    home, folder = tmp_path_factory.mktemp("jupyter"), SHOTS / "lab"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    quiet = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}
    environment = os.environ | {name: str(home / place) for name, place in own.items()}
    words = [COMMANDS / "jupyter-lab", "--no-browser", "--allow-root", "--expose-app-in-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={PROJECT}"]
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
    "Until it answers"
    for _ in range(300):
        assert server.poll() is None, (SHOTS / "jupyterlab.log").read_text()[-2000:]
        try: return urllib.request.urlopen(address, timeout=5).close()
        except urllib.error.URLError: time.sleep(0.2)
    raise TimeoutError("JupyterLab does not answer; see test-artifacts/jupyterlab.log")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


def opened(browser, lab, name):
    "A notebook in JupyterLab, alone on the page, after all its cells have run"
    page = browser.new_page(viewport={"width": 1240, "height": 1130})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{lab[0]}/lab/tree/{lab[1].relative_to(PROJECT)}/{name}?reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
    page.evaluate("async () => { await jupyterapp.restored; await jupyterapp.shell.currentWidget.context.sessionContext.ready; }")
    page.evaluate("() => { if (!jupyterapp.shell.leftCollapsed) jupyterapp.shell.collapseLeft(); }")
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
    rest(page)
    return page


def rest(page):
    "Until the kernel has nothing to do"
    page.wait_for_function("() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.status === 'idle'")


def sound(page):
    "No cell ended in an error, wrote to stderr or lost its widget"
    outputs = page.evaluate("""() => [...jupyterapp.shell.currentWidget.content.model.cells].filter(cell => cell.type === 'code')
        .flatMap(cell => cell.outputs.toJSON().map(output => [output.output_type, output.name || '', output.evalue || output.text || '']))""")
    assert outputs and not [output for output in outputs if output[0] == "error" or output[1] == "stderr"], outputs
    said = page.locator(".jp-NotebookPanel").inner_text()
    assert not [text for text in BROKEN if text in said], said


def widget(page, name):
    "The output of the cell that makes a widget, scrolled to"
    cell = page.evaluate("name => [...jupyterapp.shell.currentWidget.content.model.cells].findIndex(cell => cell.sharedModel.source.includes(name))", f"widgets.{name}(")
    page.evaluate("async place => { const notebook = jupyterapp.shell.currentWidget.content; notebook.activeCellIndex = place; await notebook.scrollToItem(place, 'start'); }", cell)
    shown = page.locator(f".jp-Cell[data-windowed-list-index='{cell}']")
    shown.evaluate("cell => cell.scrollIntoView({ block: 'start' })")
    shown.locator(".muscle-picture img[src]").first.wait_for()
    return shown.locator(".jp-OutputArea-output")


def shot(page, name):
    rest(page)
    page.screenshot(path=SHOTS / f"{name}.png")


def picture(output, caption):
    return output.locator(f'.muscle-picture[data-caption="{caption}"] img')


def content(image):
    "The bytes that a picture shows"
    return image.evaluate("async image => image.src ? [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())].join() : ''")


class Changes:
    "A picture or text that must be another one at the end"
    def __init__(self, image, read=content): self.image, self.read = image, read
    def __enter__(self): self.before = self.read(self.image)
    def __exit__(self, kind, *_):
        until = time.monotonic() + PATIENCE / 1000
        while kind is None and self.read(self.image) == self.before:
            assert time.monotonic() < until, "nothing changed"
            time.sleep(0.05)


def press(output, slider, key, times=1):
    "Arrow keys on a slider"
    handle = output.locator(".widget-slider").filter(has_text=slider).locator(".noUi-handle")
    for _ in range(times): handle.press(key)


def click(image, across, down):
    "A click at a share of a picture's width and height"
    box = image.bounding_box()
    image.click(position={"x": across * box["width"], "y": down * box["height"]})


@pytest.fixture(scope="module")
def tour(lab, browser, request):
    "explore.ipynb, run"
    trained = os.environ.get("MUSCLE_LAB_RUN")
    copied(PROJECT / "nbs" / "explore.ipynb", lab[1] / "explore.ipynb", trained or request.getfixturevalue("smoke"), () if trained else (STAND_IN,))
    page = opened(browser, lab, "explore.ipynb")
    shot(page, "tour")
    sound(page)
    return page


def test_explorer(tour):
    explorer = widget(tour, "CamExplorer")
    maps, label, walk = (picture(explorer, caption) for caption in ("maps; click a pixel", "label; click a pixel", "walk from the clicked pixel"))
    said = explorer.locator(".widget-html").filter(has_text="IoU")
    with Changes(label), Changes(said, lambda text: text.inner_text()): press(explorer, "background", "Home")
    press(explorer, "background", "ArrowRight", 60)
    with Changes(maps): press(explorer, "strength", "ArrowLeft", 2)
    with Changes(maps): explorer.locator(".widget-dropdown").filter(has_text="source").locator("select").select_option("walk")
    with Changes(walk): click(maps, 0.4, 0.4)
    with Changes(walk): press(explorer, "walk steps", "End")
    ring = explorer.locator(".muscle-picture span").first
    with Changes(walk), Changes(ring, lambda ring: ring.get_attribute("style")): maps.locator("..").press("Shift+ArrowDown")
    widget(tour, "CamExplorer")
    shot(tour, "explorer")
    with Changes(maps): explorer.get_by_role("button", name="next").click()
    search = explorer.get_by_placeholder("part of a name, or a class")
    search.fill("owl")
    explorer.get_by_text("of").filter(has_text="images").first.wait_for()
    names = explorer.locator("select[size] option")
    playwright.expect(names).not_to_have_count(0)
    search.fill("")
    sound(tour)


def test_beacon_viewer(tour):
    viewer = widget(tour, "BeaconViewer")
    shot(tour, "beacon")
    press(viewer, "points", "Home")
    with Changes(picture(viewer, "walk along the gradient")): press(viewer, "step", "ArrowRight", 3)
    with Changes(picture(viewer, "boundary")): viewer.get_by_role("button", name="next").click()
    sound(tour)


def test_view_matcher(tour):
    matcher = widget(tour, "ViewMatcher")
    views = picture(matcher, "two views")
    shot(tour, "matcher")
    with Changes(views): press(matcher, "lines", "ArrowLeft", 20)
    with Changes(views): matcher.get_by_role("button", name="another draw").click()
    sound(tour)


def test_run_comparer(tour):
    comparer = widget(tour, "RunComparer")
    shot(tour, "comparer")
    with Changes(picture(comparer, "truth")): comparer.locator("select[size]").press("ArrowDown")
    with Changes(picture(comparer, "other")): comparer.locator(".widget-dropdown select").last.select_option("segmentation")
    sound(tour)


def test_photo(tour, tmp_path):
    from PIL import Image
    trial = widget(tour, "PhotoTrial")
    photo, maps, segmented = tmp_path / "photo.png", picture(trial, "drop a photo here"), picture(trial, "the segmenter's label")
    shot(tour, "photo")
    Image.radial_gradient("L").convert("RGB").save(photo)
    with Changes(maps), tour.expect_file_chooser() as chooser:
        trial.get_by_role("button", name="choose a photo").click()
        chooser.value.set_files(photo)
    with Changes(segmented): trial.get_by_role("button", name="look").click()
    drop = """async (frame, bytes) => { const files = new DataTransfer(); files.items.add(new File([new Uint8Array(bytes)], 'dropped.png', { type: 'image/png' }));
        frame.dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true })); }"""
    Image.linear_gradient("L").convert("RGB").save(photo)
    with Changes(maps): maps.locator("..").evaluate(drop, list(photo.read_bytes()))
    sound(tour)


@pytest.mark.parametrize("name", ["2_cams", "6_scores"])
def test_stage_notebook(lab, browser, smoke, name):
    copied(PROJECT / "nbs" / "stages" / f"{name}.ipynb", lab[1] / f"{name}.ipynb", smoke)
    page = opened(browser, lab, f"{name}.ipynb")
    shot(page, name)
    sound(page)
    assert page.locator(".jp-NotebookPanel .jp-OutputArea-output").count()
    page.close()
