"""Gather the notebooks as pages for Sphinx: python site/pages.py FOLDER.

A page is its notebook with links that hold on the site, cells of the package marked, what nbdev says to itself left
out, and the set-up that a reader may skip folded away.
"""

import ast
import re
import shutil
import sys
from pathlib import Path

import nbformat

TOP = Path(__file__).resolve().parent.parent
NOTEBOOKS = TOP / "nbs"
FLOORS = ("Data", "The paper", "Doing", "A run", "Looking", "Proof", "Going on")
FIRST = ("tour", "explore", "extend", "machines")  # what one begins with
SHOWN = (  # on a stage's page
    "*What is shown was made by `make demo`. The first cell holds the values of the profile `smoke`; a run replaces "
    "them by its own.*"
)
LINK = re.compile(r"(\]\(|\bsrc=\")(?!\w+:|#|/)([^)\s\"#]+)")


def found() -> list[Path]:
    "List the notebooks that become pages."
    return sorted(
        path for path in (*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("stages/*.ipynb")) if path.name[0] != "."
    )


def page(path: Path) -> str:
    "Name a notebook's page, as Sphinx does."
    return path.relative_to(NOTEBOOKS).with_suffix("").as_posix()


def carried(path: Path, notebook: Path, folder: Path) -> str:
    "Bring a file that a notebook links to along; give the link that holds in `folder`."
    up = "../" * (notebook.parent == NOTEBOOKS / "stages")  # CONTRIBUTING becomes a page beside the others
    if path in found():
        return up + path.relative_to(NOTEBOOKS).as_posix()
    if path == TOP / "CONTRIBUTING.md":
        return up + "contributing.md"
    inside = path.relative_to(TOP).as_posix()
    target = folder / "files" / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
    return f"{up}files/{inside}"


def linked(text: str, notebook: Path, folder: Path) -> str:
    "Point the links of a notebook's prose to where things lie on the site; Sphinx reports what does not exist."

    def moved(match: re.Match) -> str:
        path = (notebook.parent / match[2]).resolve()
        held = path.is_file() and path.is_relative_to(TOP)
        return match[1] + (carried(path, notebook, folder) if held else match[2])

    return LINK.sub(moved, text)


def prepared(cell: dict, notebook: Path, folder: Path) -> dict | None:
    "Make a cell ready to be shown; None for one that is not."
    if cell.cell_type != "code":
        cell.source = linked(cell.source, notebook, folder)
        cell.pop("attachments", None)
        return cell
    said = re.findall(r"^#\| *(\w+)", cell.source, re.M)
    if "default_exp" in said or not cell.source.strip():
        return None
    cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M).strip("\n")
    tags = {"export": "export", "hide": "hide-cell", "hide_input": "hide-input"}
    cell.metadata.setdefault("tags", []).extend(tag for word, tag in tags.items() if word in said)
    for output in cell.outputs:
        if "image/png" in output.get("data", {}) or "image/jpeg" in output.get("data", {}):
            output.data.pop("application/vnd.jupyter.widget-view+json", None)
    return cell


def contents(folders: dict[str, list[Path]]) -> str:
    "Write the tables of contents that make the side bar."
    tables = []
    for caption, paths in folders.items():
        lines = [
            f"{path.name[:2]} {heading(path)} <{page(path)}>" if path.name[1].isdigit() else page(path)
            for path in paths
        ]
        tables.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *lines, "```"]))
    tables.append("```{toctree}\n:hidden:\n:caption: Reference\n\nnames\ncontributing\n```")
    return "\n\n".join(tables)


def heading(path: Path) -> str:
    "Read a notebook's title."
    first = next(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    return re.search(r"^# (.+)$", first, re.M)[1]


def equations(path: Path) -> list[tuple[str, str]]:
    "List the numbered equations of a notebook, each with the heading that it stands under."
    listed, title = [], ""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for part in re.finditer(r"^#+ (?P<title>.+)$|\\tag\{(?P<tag>E\d\d\.\d+)\}", cell.source, re.M):
                title = part["title"] or title
                listed += [(part["tag"], title)] * bool(part["tag"])
    return listed


def in_order(paths: list[Path]) -> dict[str, list[Path]]:
    "Sort the notebooks into the parts of the side bar."
    name = lambda path: path.stem
    others = [path for path in paths if path.parent == NOTEBOOKS and path.name != "index.ipynb"]
    rooms = [path for path in others if re.match(r"\d\d_", path.name)]
    first = sorted((path for path in others if name(path) in FIRST), key=lambda path: FIRST.index(name(path)))
    floors = {caption: [path for path in rooms if path.name[0] == str(k)] for k, caption in enumerate(FLOORS)}
    stages = {"The nine stages": [path for path in paths if path.parent != NOTEBOOKS]}
    rest = [path for path in others if path not in first and path not in rooms]
    parts = {"Begin": first, **floors, **stages, "What came out": rest}
    return {caption: paths for caption, paths in parts.items() if paths}


def defined(paths: list[Path]) -> dict[str, tuple[str, str]]:
    "Find every public name of the package: the page that defines it, and its docstring's first line."
    names = {}
    for path in paths:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and re.search(r"^#\| *export", cell.source, re.M):
                for name, what in named(ast.parse(cell.source)):
                    names.setdefault(name, (page(path), what))
    return names


def named(tree: ast.Module) -> list[tuple[str, str]]:
    "List what a cell defines for others."
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append((node.name, (ast.get_docstring(node) or "").partition("\n")[0]))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            leaves = [leaf for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)]
            found += [
                (leaf.id, "") for leaf in leaves if isinstance(leaf.ctx, ast.Store)
            ]  # not `STAGES` of STAGES["x"]
    return [(name, what) for name, what in found if name[0] != "_"]


def index_of_names(paths: list[Path]) -> str:
    "Write the page that lists every public name; names.py makes links of them."
    lines = ["# All names", "", "What the package offers, room by room; each name leads to its definition."]
    names = defined(paths)
    for path in paths:
        if here := [(name, what) for name, (where, what) in names.items() if where == page(path)]:
            lines += ["", f"## {page(path)}", "", f"[{heading(path)}]({page(path)}.ipynb)", "", "| | |", "|---|---|"]
            lines += [
                f"| `{name}` | {what.replace('|', '&#124;').replace('$', '&#36;')} |"
                for name, what in sorted(here, key=lambda row: row[0].lower())
            ]
    return "\n".join(lines) + "\n"


def gather(folder: Path) -> None:
    "Fill `folder` with the pages."
    shutil.rmtree(folder, ignore_errors=True)
    paths = found()
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in (prepared(cell, path, folder) for cell in notebook.cells) if cell]
        notebook.metadata.pop("widgets", None)
        if path.parent.name == "stages":
            notebook.cells.insert(1, nbformat.v4.new_markdown_cell(SHOWN))
        if path.name == "index.ipynb":
            notebook.cells.append(nbformat.v4.new_markdown_cell(contents(in_order(paths))))
        target = folder / path.relative_to(NOTEBOOKS)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
    (folder / "names.md").write_text(index_of_names(paths), encoding="utf-8")
    text = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (folder / "contributing.md").write_text(linked(text, TOP / "CONTRIBUTING.md", folder), encoding="utf-8")


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
