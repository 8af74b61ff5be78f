"""A Sphinx extension: names of the package lead to their definitions, equations to where they stand.

MathJax comes along.

The notebooks need no marks for it: names are known from the cells that are exported, equations by their tags.
"""

import html
import re
import shutil
from pathlib import Path

from docutils import nodes
from pages import defined, equations, found, page
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri
from uses import Uses

EQUATION = re.compile(r"\bE\d\d\.\d+\b")
CELL = re.compile(r'(<div class="highlight-i?python\d?[^"]*"><div class="highlight"><pre>)(.*?)(</pre>)', re.S)
UNLINKED = (nodes.reference, nodes.title, nodes.literal, nodes.math, nodes.math_block, nodes.literal_block, nodes.raw)


class Package:
    "What the notebooks define, and on which page."

    def __init__(self):
        paths = found()
        self.names = defined(paths)  # name -> (page, what it is)
        self.modules = {page(path)[3:]: page(path) for path in paths if re.match(r"\d\d_", path.name)}
        self.equations = {tag: page(path) for path in paths for tag, _ in equations(path)}

    def home(self, name: str) -> tuple[str, str] | None:
        "Give page and anchor of a name, `module.name`, `Class.method` or `muscle.module`; None for anything else."
        first, *rest = name.removeprefix("muscle.").split(".")
        if first in self.modules:
            if not rest:
                return (self.modules[first], "") if name.startswith("muscle.") else None
            first, *rest = rest
        if first not in self.names or len(rest) > 1:
            return None
        where, _ = self.names[first]
        return where, f"muscle.{where[3:]}.{first}"

    def address(self, name: str, here: str) -> str | None:
        "Give the link from a page to a name's definition."
        if home := self.home(name):
            where, anchor = home
            return relative_uri(f"{here}.html", f"{where}.html") * (where != here) + f"#{anchor}" * bool(anchor)
        return None


def link_prose(app: Sphinx, tree: nodes.document, here: str) -> None:
    "Make links of the names and of the equations' numbers in running text."
    package = app.muscle
    plain = lambda node: not any(isinstance(above, UNLINKED) for above in parents(node))
    for node in [node for node in tree.findall(nodes.literal) if plain(node)]:
        if address := package.address(node.astext().removesuffix("()"), here):
            node.replace_self(nodes.reference("", "", node.deepcopy(), refuri=address, internal=True, classes=["name"]))
    for node in [node for node in tree.findall(nodes.Text) if plain(node) and EQUATION.search(node)]:
        node.parent.replace(node, [number(package, text, here) for text in re.split(rf"({EQUATION.pattern})", node)])


def parents(node: nodes.Node) -> list[nodes.Node]:
    "List what a node stands in."
    above = []
    while node := node.parent:
        above.append(node)
    return above


def number(package: Package, text: str, here: str) -> nodes.Node:
    "Make a link of an equation's number; leave other text as it is."
    if (where := package.equations.get(text)) is None:
        return nodes.Text(text)
    address = relative_uri(f"{here}.html", f"{where}.html") * (where != here) + f"#{text}"
    return nodes.reference("", text, refuri=address, internal=True)


def keep_displays(app: Sphinx, tree: nodes.document) -> None:
    "Leave displayed equations as they were written, and anchor the numbered ones."
    for node in tree.findall(nodes.math_block):
        if match := re.search(r"\\tag\{(E\d\d\.\d+)\}", node.astext()):
            node["ids"].append(match[1])
        if not node.get("no-wrap", node.get("nowrap")):
            node["no-wrap"] = node["nowrap"] = True
            node[:] = [nodes.Text(rf"\[{node.astext()}\]")]


def link_code(app: Sphinx, here: str, template: str, context: dict, tree: nodes.document | None) -> None:
    "Make links of the names in a page's cells, and anchors where they are defined."
    if tree is not None:
        known = {name for name, (where, _) in app.muscle.names.items() if where == here}
        state = (app.muscle, here, known, set(), set())
        context["body"] = CELL.sub(lambda match: match[1] + linked_cell(match[2], *state) + match[3], context["body"])


def linked_cell(cell: str, package: Package, here: str, known: set[str], modules: set[str], anchored: set[str]) -> str:
    "Link the names in one cell, which is coloured HTML; the three sets go from cell to cell."
    pieces = re.split(r"(<[^>]*>)", cell)
    try:
        uses = Uses("".join(map(html.unescape, pieces[::2])), known, modules)
    except SyntaxError:
        return cell
    line, column = 1, 0
    for k in range(0, len(pieces), 2):
        text = html.unescape(pieces[k])
        name, made = (found.get((line, column), "") if text else "" for found in (uses.used, uses.made))
        if made == text != "" and made not in anchored and package.names.get(made, ("",))[0] == here:
            anchored.add(made)
            pieces[k] = f'<span class="definition" id="{package.home(made)[1]}">{pieces[k]}</span>'
        elif name.endswith(text) and text and (address := package.address(name, here)):
            what = html.escape(package.names.get(name.rpartition(".")[2], ("", ""))[1])
            pieces[k] = f'<a class="name" href="{address}" title="{what}">{pieces[k]}</a>'
        line += text.count("\n")
        column = len(text) - text.rindex("\n") - 1 if "\n" in text else column + len(text)
    return "".join(pieces)


def bring_mathjax(app: Sphinx, error: Exception | None) -> None:
    "Copy the parts of MathJax that the pages load."
    for part in app.config.mathjax_parts if error is None else ():
        source, target = Path(app.config.mathjax_folder) / part, Path(app.outdir) / "_static" / "mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(
            source, target, **({"dirs_exist_ok": True} if source.is_dir() else {})
        )


def setup(app: Sphinx) -> dict:
    "Join Sphinx."
    app.muscle = Package()
    app.add_config_value("mathjax_folder", "", "html")
    app.add_config_value("mathjax_parts", [], "html")
    app.connect("doctree-read", keep_displays)
    app.connect("doctree-resolved", link_prose)
    app.connect("html-page-context", link_code)
    app.connect("build-finished", bring_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
