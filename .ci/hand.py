"""Count what "one hand" means where it can be counted; python .ci/hand.py [ROOM …] prints `notebook:cell:line what`.

Rooms are the numbered notebooks; what they export is judged, and every line of code is measured, but for those of
tests, which hold texts.
"""

import ast
import io
import re
import statistics
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat

TOP = Path(__file__).resolve().parent.parent
COLUMNS, MOST, USUAL, SHARE, ROOM, ALIKE = 120, 40, 25, 0.1, 350, 10


class Cell(NamedTuple):
    "A code cell, or a script as one."

    file: str  # relative to the project
    number: int  # of the cell in its notebook
    source: str

    @property
    def room(self) -> str | None:
        "The module that the notebook is exported to, of a numbered notebook."
        return match[1] if (match := re.fullmatch(r"nbs/\d\d_(\w+)\.ipynb", self.file)) else None

    @property
    def floor(self) -> int:
        "The notebook's number."
        return int(Path(self.file).name[:2])

    @property
    def exported(self) -> bool:
        "Whether the cell goes into the package."
        return self.room is not None and bool(re.match(r"#\| *export\b", self.source))

    @property
    def lines(self) -> list[str]:
        "What is written, without nbdev's directives."
        return [line for line in self.source.strip().splitlines() if not line.startswith("#|")]

    def at(self, line: int, what: str) -> str:
        "Say what was found, and where."
        return f"{self.file}:{self.number}:{line} {what}"


def cells() -> list[Cell]:
    "Gather all code of the project: notebooks, tests, scripts."
    found = []
    for path in sorted(TOP.glob("nbs/**/*.ipynb")):
        if not any(part.startswith(".") for part in path.relative_to(TOP).parts):
            kinds = enumerate(nbformat.read(path, as_version=4).cells)
            name = str(path.relative_to(TOP))
            found += [Cell(name, i, cell.source) for i, cell in kinds if cell.cell_type == "code"]
    scripts = sorted([*TOP.glob("nbs/tests/*.py"), *TOP.glob(".ci/*.py")])
    return found + [Cell(str(path.relative_to(TOP)), 0, path.read_text(encoding="utf-8")) for path in scripts]


def parsed(cell: Cell) -> ast.Module:
    "Parse a cell; lines of IPython's own are passed over."
    return ast.parse(re.sub(r"(?m)^(\s*)[%!].*", r"\1pass", cell.source))


def public(cell: Cell) -> Iterator[tuple[str, ast.AST]]:
    "Find the names that a cell gives to the package, with where."
    for node in parsed(cell).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [part for target in targets for part in getattr(target, "elts", [target])]
            names = [part.id for part in parts if isinstance(part, ast.Name)]
        else:
            continue
        yield from ((name, node) for name in names if not name.startswith("_"))


def functions(cell: Cell) -> Iterator[ast.FunctionDef]:
    "Find public functions, and public methods of public classes with their `__init__`."
    for _, node in public(cell):
        if isinstance(node, ast.ClassDef):
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef))
            yield from (part for part in methods if part.name == "__init__" or not part.name.startswith("_"))
        elif isinstance(node, ast.FunctionDef):
            yield node


def long_lines(cell: Cell) -> Iterator[str]:
    "Find lines of more than 120 columns."
    for i, line in enumerate(cell.source.splitlines(), 1):
        if len(line) > COLUMNS:
            yield cell.at(i, f"{len(line)} columns, {COLUMNS} at most")


def long_cells(cell: Cell) -> Iterator[str]:
    "Find export cells of more than 40 lines."
    if len(cell.lines) > MOST:
        yield cell.at(1, f"export cell of {len(cell.lines)} lines, {MOST} at most")


def docstrings(cell: Cell) -> Iterator[str]:
    "Find public things without a docstring, and docstrings whose sentence has no full stop."
    things = [node for _, node in public(cell) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in things:
        if not ast.get_docstring(node):
            yield cell.at(node.lineno, f"{node.name} has no docstring")
    for node in {*things, *functions(cell)}:
        said = ast.get_docstring(node)
        if said and not said.splitlines()[0].endswith("."):
            yield cell.at(node.body[0].lineno, f"docstring of {node.name} has no full stop on its first line")


def parameters(cell: Cell) -> Iterator[str]:
    "Find parameters of public functions that have no comment of their own behind them."
    rest = defaultdict(list)
    for token in tokenize.generate_tokens(io.StringIO(cell.source).readline):
        if token.type not in (tokenize.NL, tokenize.NEWLINE):
            rest[token.start[0]].append(token)
    for node in functions(cell):
        if any("command" in ast.unparse(decorator) for decorator in node.decorator_list):
            continue  # a command's options explain themselves in its help
        if node.body[0].lineno > node.lineno and cell.source.splitlines()[node.lineno - 1].rstrip().count(":  # "):
            continue  # a line with one comment behind it says what goes in and what comes out
        given = node.args
        every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
        placed = [default for default in [*given.defaults, *given.kw_defaults] if default]
        for arg in filter(None, every):
            end = max((part.end_lineno, part.end_col_offset) for part in (arg, *_default(arg, every, placed)))
            after = [token.string for token in rest[end[0]] if token.start[1] >= _column(cell, *end)]
            commented = after and after[-1].startswith("#") and set(after[:-1]) <= {","}
            if arg.arg not in ("self", "cls") and not commented:
                yield cell.at(arg.lineno, f"parameter {arg.arg} of {node.name} has no comment of its own")


def _default(arg, every, defaults):
    "Pick the default that stands between this parameter and the next."

    def place(part):
        return part.lineno, part.col_offset

    after = [place(other) for other in filter(None, every) if place(other) > place(arg)]
    return [d for d in defaults if place(d) > place(arg) and (not after or place(d) < min(after))]


def _column(cell, line, offset):
    "Turn a column of ast, which counts bytes, into one of tokenize."
    return len(cell.source.splitlines()[line - 1].encode()[:offset].decode())


def imports(cell: Cell, floors: dict[str, int]) -> Iterator[str]:
    "Find imports that do not go down."
    for node in ast.walk(parsed(cell)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "muscle":
            names = [node.module.split(".")[1]] if "." in node.module else [name.name for name in node.names]
            for name in names:
                if name in floors and floors[name] >= cell.floor:
                    yield cell.at(node.lineno, f"imports {name} ({floors[name]:02}), which is not below")


def names_twice(exported: list[Cell]) -> Iterator[str]:
    "Find public names that two rooms have, or a room and a module."
    rooms, first = {cell.room for cell in exported}, {}
    for cell in exported:
        for name, node in public(cell):
            if name in rooms:
                yield cell.at(node.lineno, f"{name} is also a module")
            if first.setdefault(name, cell.room) != cell.room:
                yield cell.at(node.lineno, f"{name} is also a name of {first[name]}")


def long_rooms(exported: list[Cell]) -> Iterator[str]:
    "Find rooms of more than 350 lines."
    for cell in {cell.file: cell for cell in exported}.values():
        if (lines := sum(len(other.lines) for other in exported if other.file == cell.file)) > ROOM:
            yield cell.at(1, f"room of {lines} lines, {ROOM} at most")


def shared_lines(code: list[Cell]) -> Iterator[str]:
    "Find ten lines that stand in two places; comments, blank lines, imports and lone brackets are no lines here."
    seen = {}
    for place, cell in enumerate(code):
        told = ((i, re.sub(r"\s+#.*", "", line.strip())) for i, line in enumerate(cell.source.splitlines(), 1))
        kept = [(i, line) for i, line in told if re.search(r"\w", line) and not re.match(r"#|import |from ", line)]
        shown = 0
        for start in range(len(kept) - ALIKE + 1):
            text = tuple(line for _, line in kept[start : start + ALIKE])
            other, where = seen.setdefault(text, (place, kept[start][0]))
            if (other != place or where + ALIKE <= kept[start][0]) and start >= shown:
                shown = start + ALIKE
                yield cell.at(kept[start][0], f"{ALIKE} lines as in {code[other].file}:{code[other].number}:{where}")


def findings(every: list[Cell]) -> list[str]:
    "List all that is not as it should be."
    exported = [cell for cell in every if cell.exported]
    floors = {cell.room: cell.floor for cell in every if cell.room}
    found = [line for cell in every if "/tests/" not in cell.file for line in long_lines(cell)]
    for look in (long_cells, docstrings, parameters):
        found += [line for cell in exported for line in look(cell)]
    found += [line for cell in exported for line in imports(cell, floors)]
    found += [*names_twice(exported), *long_rooms(exported)]
    own = [cell for cell in every if "/tests/" not in cell.file and not re.match(r'run = "runs/', cell.source)]
    return found + [*shared_lines(own)]


def main(*rooms: str) -> int:
    "Print the findings of these rooms, or of all, and a line that sums up; how many there are."

    def chosen(file):
        return not rooms or any(file in (room, f"nbs/{room}.ipynb") or f"/{room}_" in file for room in rooms)

    every = cells()
    found = [line for line in findings(every) if chosen(line.split(":")[0])]
    exported = [cell for cell in every if cell.exported and chosen(cell.file)]
    sizes = [len(cell.lines) for cell in exported] or [0]
    over = sum(size > USUAL for size in sizes)
    if not rooms and over > SHARE * len(sizes):
        found.append(f"nbs:0:0 {over} of {len(sizes)} export cells have over {USUAL} lines, {SHARE:.0%} at most")
    if found:
        print(*found, sep="\n")
    told = f"{len({cell.file for cell in exported})} rooms, {len(exported)} export cells: median"
    told += f" {statistics.median(sizes):g} lines, {over / len(sizes):.0%} over {USUAL}, the longest {max(sizes)}"
    print(f"{told}; {sum('columns' in line for line in found)} long lines; {len(found)} findings")
    return len(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) > 0)
