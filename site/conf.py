"""How Sphinx makes web pages of the notebooks; `make site` writes them to build/site/html.

To be opened without a server or a network.

pages.py has gathered the notebooks, and names.py links each name of the package to where it is defined.
"""

import sys
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
about = ConfigParser(delimiters=["="])
about.read(here.parent / "settings.ini", encoding="utf-8")

project = about["DEFAULT"]["title"]
copyright = about["DEFAULT"]["copyright"]
release = about["DEFAULT"]["version"]
language = "en"

extensions = ["myst_nb", "names"]
suppress_warnings = [
    "mystnb.unknown_mime_type",  # a widget: its still picture stands in for it
    "misc.highlighting_failure",  # a shell command in a cell
]
nb_execution_mode = "off"  # pages show what the notebooks were committed with
nb_merge_streams = True
nb_render_markdown_format = "gfm"  # tables in outputs
nb_code_prompt_show = nb_code_prompt_hide = "Code"
myst_enable_extensions = ["dollarmath", "amsmath", "html_image", "smartquotes"]
myst_heading_anchors = 4
myst_links_external_new_tab = True

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["style.css"]
html_js_files = ["local.js"]
html_copy_source = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
pygments_style, pygments_dark_style = "friendly", "github-dark"
templates_path = []

# MathJax from a package of the index instead of from the network: the part that draws TeX, and its fonts
mathjax_folder = str(Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax")
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"chtml": {"matchFontHeight": False, "scale": 1.05}, "options": {"enableMenu": False}}
mathjax_parts = ["tex-chtml.js", "input/tex", "output/chtml/fonts"]
