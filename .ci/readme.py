"""Make README.md from nbs/index.ipynb, as nbconvert writes it, with links that hold from the top folder."""
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

top = Path(__file__).resolve().parent.parent
notebook = nbformat.read(top / "nbs" / "index.ipynb", as_version=4)
text, _ = MarkdownExporter().from_notebook_node(notebook)
text = text.replace("](../", "](").replace('src="../', 'src="')
(top / "README.md").write_text(text.strip() + "\n", encoding="utf-8")
