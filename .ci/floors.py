"""Draw the floors, and what is built on what, from the imports: python .ci/floors.py writes figures/floors.svg.

A line says that a room imports another; one that can be left out because a third room stands between is left out.
"""

import ast
import re
from html import escape
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
FLOORS = ("data", "the paper", "doing", "a run", "looking", "proof", "going on")
HUES = ("#2f7ebc", "#c2571a", "#3a8f4d", "#8a5bb5", "#b3871f", "#b84a6f", "#3b8f94")
WIDTH, HEIGHT, GAP, LEFT, RISE = 108, 34, 8, 96, 118  # of a room, between rooms, of the floor's name, of a floor

STYLE = """
svg { font-family: system-ui, sans-serif; }
.page { fill: #fbfaf7; } .band { fill: #0001; } .name, .title { fill: #222; } .number { fill: #777; }
.room { fill: #fff; stroke-width: 1.5; } path { fill: none; stroke-width: 1; opacity: 0.45; }
@media (prefers-color-scheme: dark) {
  .page { fill: #16181d; } .band { fill: #fff1; } .name, .title { fill: #eee; } .number { fill: #999; }
  .room { fill: #22252c; } path { opacity: 0.6; }
}
"""


def rooms() -> dict[str, int]:
    "Find the modules and the numbers of their notebooks."
    found = (re.fullmatch(r"(\d\d)_(\w+)", path.stem) for path in sorted(TOP.glob("nbs/*.ipynb")))
    return {match[2]: int(match[1]) for match in found if match}


def imported(room: str, known: dict[str, int]) -> set[str]:
    "List the rooms that a module imports."
    found = set()
    for node in ast.walk(ast.parse((TOP / "muscle" / f"{room}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.level or node.module.startswith("muscle")):
            module = (node.module or "").removeprefix("muscle").lstrip(".")
            found |= {module} if module else {alias.name for alias in node.names}
    return found & known.keys() - {room}


def direct(needs: dict[str, set[str]]) -> dict[str, set[str]]:
    "Leave out what is needed by way of another room anyway."
    below = {}
    for room in needs:  # ascending, so that what a room needs is known already
        below[room] = set().union(needs[room], *(below.get(other, set()) for other in needs[room]))
    return {room: {n for n in own if not any(n in below[o] for o in own - {n})} for room, own in needs.items()}


def place(number: int) -> tuple[float, float]:
    "Find the upper left corner of a room: floor 6 is on top."
    return LEFT + number % 10 * (WIDTH + GAP), 40 + (len(FLOORS) - 1 - number // 10) * RISE


def line(upper: int, lower: int) -> str:
    "Draw a line from a room to one that it needs: down, or along the floor under it."
    (x1, y1), (x2, y2) = place(upper), place(lower)
    x1, x2, y1 = x1 + WIDTH / 2, x2 + WIDTH / 2, y1 + HEIGHT
    if upper // 10 == lower // 10:
        dip = y1 + 12 + 5 * abs(upper - lower)
        shape = f"M{x1:g} {y1:g} C{x1:g} {dip:g} {x2:g} {dip:g} {x2:g} {y1:g}"
    else:
        bend = min(60, (y2 - y1) / 2)
        shape = f"M{x1:g} {y1:g} C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    return f'<path d="{shape}" stroke="{HUES[lower // 10]}"/>'


def box(name: str, number: int) -> str:
    "Draw a room."
    x, y = place(number)
    return (
        f'<rect class="room" x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="5"'
        f' stroke="{HUES[number // 10]}"/>'
        f'<text class="number" x="{x + 8:g}" y="{y + 22:g}" font-size="10">{number:02}</text>'
        f'<text class="name" x="{x + 24:g}" y="{y + 22:g}" font-size="13">{escape(name)}</text>'
    )


def picture() -> str:
    "Draw all rooms and what they need."
    known = rooms()
    needs = direct({room: imported(room, known) for room in known})
    wide, high = LEFT + 10 * (WIDTH + GAP) + 8, 40 + len(FLOORS) * RISE - 20
    parts = [f'<rect class="page" width="{wide}" height="{high}" rx="8"/>']
    for i, floor in enumerate(FLOORS):
        y = place(10 * i)[1]
        parts.append(f'<rect class="band" x="8" y="{y - 8:g}" width="{wide - 16}" height="{HEIGHT + 16}" rx="6"/>')
        parts.append(f'<text class="title" x="18" y="{y + 15:g}" font-size="12" fill="{HUES[i]}">floor {i}</text>')
        parts.append(f'<text class="title" x="18" y="{y + 30:g}" font-size="13">{floor}</text>')
    parts += [line(known[room], known[other]) for room in needs for other in sorted(needs[room])]
    parts += [box(name, number) for name, number in known.items()]
    key = "A line leads from a room to one that it imports, in the colour of that one's floor,"
    key += " unless a third room between the two says so already."
    parts.append(f'<text class="number" x="18" y="{high - 14}" font-size="12">{key}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">'
    said = "<title>The floors of muscle: rooms, and which room is built on which</title>"
    return "\n".join([head, said, f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    (TOP / "figures" / "floors.svg").write_text(picture(), encoding="utf-8")
