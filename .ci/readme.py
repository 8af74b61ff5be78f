"""Make README.md from nbs/index.ipynb, as nbconvert writes it, with links that hold from the top folder.

python .ci/readme.py

The list of equations in index.ipynb is made first, from the numbers that the notebooks display.
"""

import sys
from itertools import groupby
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "site"))
from pages import equations  # noqa: E402  what the site knows too

INDEX = TOP / "nbs" / "index.ipynb"
HEADING = "## Equations"


def listed() -> str:
    "List the displayed equations, a line for each notebook, by the headings that they stand under."
    about = "Numbered by notebook; each stands above the code that computes it."
    lines = [f"{HEADING}\n\n<details>\n<summary>{about}</summary>\n"]
    for path in sorted((TOP / "nbs").glob("[0-9][0-9]_*.ipynb")):
        parts = []
        for title, rows in groupby(equations(path), key=lambda row: row[1]):
            tags = [tag for tag, _ in rows]
            parts.append(f"{' to '.join(dict.fromkeys((tags[0], tags[-1])))} *{title}*")
        lines += [f"* [{path.stem}](../nbs/{path.name}): {', '.join(parts)}"] * bool(parts)
    return "\n".join([*lines, "\n</details>"])


def renew() -> nbformat.NotebookNode:
    "Bring the list in index.ipynb up to date; the file is written only where it changes."
    notebook = nbformat.read(INDEX, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.source.startswith(HEADING))
    if cell.source != listed():
        cell.source = listed()
        nbformat.write(notebook, INDEX)
    return notebook


if __name__ == "__main__":
    text, _ = MarkdownExporter().from_notebook_node(renew())
    text = text.replace("](../", "](").replace('src="../', 'src="')
    (TOP / "README.md").write_text(text.strip() + "\n", encoding="utf-8")
