"""The notebooks as web pages (`make site`), opened from the disk in headless Chromium: everything loads.

Nothing from a network.
"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag

import nbformat
import pytest
from conftest import PROJECT

pytest.importorskip("myst_nb", reason="needs the site's packages: pip install 'muscle[site]'")
NOTEBOOKS = sorted(path for pattern in ("*.ipynb", "stages/*.ipynb") for path in (PROJECT / "nbs").glob(pattern))
WITHOUT = {"genindex.html", "search.html"}  # Sphinx's own


class Links(HTMLParser):
    "What a page links to, and what can be linked to in it."

    def __init__(self, path):
        super().__init__()
        self.ids, self.to = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self.to += [attributes[key] for key in ("href", "src") if attributes.get(key)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    "The site, built as `make site` builds it: a warning fails."
    folder = tmp_path_factory.mktemp("site")
    make = [sys.executable, PROJECT / "site" / "pages.py", folder / "pages"]
    build = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-c",
        PROJECT / "site",
        folder / "pages",
        folder / "html",
    ]
    for words in (make, build):
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


@pytest.fixture
def tab(browser):
    "A tab that takes note of whatever goes wrong in it."
    tab = browser.new_page(viewport={"width": 1400, "height": 1000})
    tab.wrong = []
    tab.on("console", lambda said: tab.wrong.append(said.text) if said.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: tab.wrong.append(str(error)))
    tab.on("requestfailed", lambda request: tab.wrong.append(f"not loaded: {request.url}"))
    local = ("file:", "data:", "blob:")
    tab.on(
        "request",
        lambda request: None if request.url.startswith(local) else tab.wrong.append(f"network: {request.url}"),
    )
    yield tab
    tab.close()


def pages(site):
    "The pages, as paths from the site's folder."
    return sorted(
        path.relative_to(site).as_posix() for path in site.rglob("*.html") if not path.is_relative_to(site / "_static")
    )


def tags(path):
    "The numbers of a notebook's equations."
    cells = nbformat.read(path, as_version=4).cells
    return [
        tag for cell in cells if cell.cell_type == "markdown" for tag in re.findall(r"\\tag\{([^}]*)\}", cell.source)
    ]


def opened(tab, site, page):
    "Open a page and wait for its equations."
    tab.goto((site / page).as_uri())
    tab.evaluate("window.MathJax && MathJax.startup.promise")


def test_every_notebook_is_a_page(site):
    names = {path.relative_to(PROJECT / "nbs").with_suffix(".html").as_posix() for path in NOTEBOOKS}
    assert names <= set(pages(site))


def test_links_lead_somewhere(site):
    read = {page: Links(site / page) for page in pages(site)}
    broken = []
    for page, links in read.items():
        for link in links.to:
            address, anchor = urldefrag(unquote(link))
            if re.match(r"\w+:", address):
                continue
            target = ((site / page).parent / address.partition("?")[0]).resolve() if address else site / page
            name = target.relative_to(site).as_posix() if target.is_relative_to(site) else None
            found = target.is_file() and (not anchor or name not in read or anchor in read[name].ids)
            broken += [] if found else [f"{page}: {link}"]
    assert not broken, "\n".join(broken)


def test_pages_load(site, tab):
    broken = {}
    for page in pages(site):
        tab.wrong.clear()
        opened(tab, site, page)
        counts = "['.math', 'mjx-container', 'mjx-merror, [data-mjx-error]'].map(what => document.querySelectorAll(what).length)"
        written, drawn, failed = tab.evaluate(counts)
        blank = tab.evaluate(
            "[...document.images].filter(image => image.complete && !image.naturalWidth).map(image => image.src)"
        )
        wrong = [*tab.wrong, *(f"no picture: {source}" for source in blank)]
        wrong += [f"{failed} equations in error"] * bool(failed) + [f"{written} equations, {drawn} drawn"] * (
            written != drawn
        )
        wrong += ["wider than the window"] * tab.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        if wrong and page not in WITHOUT:
            broken[page] = wrong
    assert not broken, broken


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if tags(path)], ids=lambda path: path.stem)
def test_equations_are_numbered_and_drawn(site, tab, path):
    opened(tab, site, f"{path.stem}.html")
    missing = [
        tag
        for tag in tags(path)
        if not tab.evaluate("tag => !!document.getElementById(tag)?.querySelector('mjx-container')", tag)
    ]
    assert not missing and len(set(tags(path))) == len(tags(path))


def test_search_finds(site, tab):
    tab.goto((site / "search.html").as_uri() + "?q=Sinkhorn")
    tab.wait_for_selector("#search-results li a")
    assert any(
        "14_regions.html" in link
        for link in tab.eval_on_selector_all("#search-results li a", "links => links.map(a => a.href)")
    )
    assert not tab.wrong


def test_names_lead_to_their_definitions(site, tab):
    opened(tab, site, "14_regions.html")
    tab.click(".cell_input a.name:has-text('softmax_norm')")
    tab.wait_for_url("**/13_contrast.html#muscle.contrast.softmax_norm")
    assert tab.locator("[id='muscle.contrast.softmax_norm']").is_visible()
    opened(tab, site, "names.html")
    assert tab.locator("a.name[href$='#muscle.walk.random_walk']").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(site, browser, scheme):
    tab = browser.new_page(color_scheme=scheme)
    opened(tab, site, "13_contrast.html")
    brightness = "what => getComputedStyle(document.querySelector(what)).backgroundColor.match(/[0-9.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    assert all(
        (tab.evaluate(brightness, what) > 383) == (scheme == "light")
        for what in ("body", ".cell_input pre, .cell_input")
    )
    tab.close()


def test_narrow_windows(site, browser):
    tab = browser.new_page(viewport={"width": 700, "height": 900})
    for page in ("index.html", "12_encoder.html"):
        opened(tab, site, page)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), page
    tab.close()
