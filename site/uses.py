"""Where a cell of code uses the names of the package, and where it defines them."""

import ast
import re


def bound(node: ast.AST) -> set[str]:
    "List the names that an assignment, a loop or a function stores."
    return {leaf.id for leaf in ast.walk(node) if isinstance(leaf, ast.Name) and isinstance(leaf.ctx, ast.Store)}


class Uses(ast.NodeVisitor):
    """Names by their place in the text, (line, column) in characters from (1, 0).

    `known` are the names that mean something of the package here, `modules` the modules that stand here under their
    own names; both grow by what the cell imports. A function's own names hide the package's.
    """

    def __init__(self, source: str, known: set[str], modules: set[str]):
        source = re.sub(r"^([ \t]*)[%!]", r"\1#", source, flags=re.M)
        self.lines, self.known, self.modules = source.split("\n"), known, modules
        self.used: dict[tuple[int, int], str] = {}  # a name, "module.name" or "muscle.module"
        self.made: dict[tuple[int, int], str] = {}
        self.hidden: list[set[str]] = []
        self.visit(ast.parse(source))

    def place(self, line: int, column: int) -> tuple[int, int]:
        "Turn ast's bytes into characters."
        return line, len(self.lines[line - 1].encode()[:column].decode())

    def after(self, word: str, node: ast.AST) -> tuple[int, int]:
        "Find a definition's name on its first line."
        line = self.lines[node.lineno - 1]
        return node.lineno, line.index(node.name, line.index(word) + len(word))

    def visit_ImportFrom(self, node):
        module = node.module or ""
        if module.partition(".")[0] != "muscle":
            return
        if "." in module:
            self.used[node.lineno, self.lines[node.lineno - 1].index(module)] = module
        for alias in node.names:
            inside = module == "muscle"
            self.used[self.place(alias.lineno, alias.col_offset)] = f"muscle.{alias.name}" if inside else alias.name
            if alias.asname is None:
                (self.modules if inside else self.known).add(alias.name)

    def visit_Name(self, node):
        place = self.place(node.lineno, node.col_offset)
        if isinstance(node.ctx, ast.Store) and not self.hidden:
            self.made[place] = node.id
        elif node.id in self.known and not any(node.id in names for names in self.hidden):
            self.used[place] = node.id

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name) and node.value.id in self.modules:
            place = self.place(node.end_lineno, node.end_col_offset - len(node.attr.encode()))
            self.used[place] = f"muscle.{node.value.id}.{node.attr}"
        self.generic_visit(node)

    def visit_within(self, node):
        self.hidden.append(bound(node) | {leaf.arg for leaf in ast.walk(node) if isinstance(leaf, ast.arg)})
        self.generic_visit(node)
        self.hidden.pop()

    def visit_FunctionDef(self, node):
        if not self.hidden:
            self.made[self.after("def ", node)] = node.name
        self.visit_within(node)

    def visit_ClassDef(self, node):
        self.made[self.after("class ", node)] = node.name
        self.visit_within(node)

    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_within
