"""Where the spread of the demo's scores comes from: one thing at a time is another, everything else as it was.

Run by hand (`python nbs/tests/sources.py FOLDER`, about an hour and a half on two cores, and it goes on where it stopped);
the last result stands in data/results/demo/sources.csv. All runs have the demo's seed. In some a single kind of chance
draws with another seed: this file is then given to their kernels with `--with`, and `MUSCLE_SOURCE` names the chance.
In others the processor counts differently. Each run has one thread, except where two are what is looked at; so two
runs at a time fill two cores.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click
import pandas as pd
import torch

from muscle import samples, stages
from muscle.encoder import Encoder
from muscle.fit import Plan
from muscle.irn import IRN
from muscle.profile import PROJECT
from muscle.run import Run
from muscle.runner import SAID
from muscle.segmenter import Segmenter

TABLE = PROJECT / "data" / "results" / "demo" / "sources.csv"
SOURCE = "MUSCLE_SOURCE"  # environment variable: a name of CHANCES and the seed that it gets


def other_weights(seed: int) -> None:
    "Draw the weights of new layers with another seed."
    for network in (Encoder, IRN, Segmenter):

        def begin(self, *given, first=network.__init__, **named):
            torch.manual_seed(seed)
            first(self, *given, **named)

        network.__init__ = begin


def other_order(seed: int) -> None:
    "Visit the photographs in another order."
    first = samples.Order.__init__
    samples.Order.__init__ = lambda self, count, _, *given, **named: first(self, count, seed, *given, **named)


def other_views(seed: int) -> None:
    "Draw sizes, crops, flips and colours with another seed."
    first = samples.draws
    samples.draws = lambda _, epoch, index: first(seed, epoch, index)


def other_drops(seed: int) -> None:
    "Draw what networks and losses draw while they train with another seed: dropped layers, windows, points."
    planned, order = stages.plan_of_training, samples.Order.__init__
    stages.plan_of_training = lambda run, settings: Plan(**{**vars(planned(run, settings)), "seed": seed})
    samples.Order.__init__ = lambda self, count, _, *given, **named: order(self, count, 0, *given, **named)


CHANCES: dict[str, Callable[[int], None]] = {
    "weights": other_weights,
    "order": other_order,
    "views": other_views,
    "drops": other_drops,
}


class Source(NamedTuple):
    "One thing that is another."

    said: str  # in the table
    environment: dict[str, str]  # of the run
    folder: str  # of the run


def sources(draws: int) -> Iterator[Source]:
    "List all runs, the one to compare with first, and each chance with so many other seeds."
    yield Source("nothing", {}, "base")
    yield Source("two threads", {"OMP_NUM_THREADS": "2"}, "threads")
    older = {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}
    yield Source("an older processor's instructions (SSE4)", older, "sse4")
    said = {"weights": "weights of new layers", "order": "order of the images", "views": "sizes, crops, colours"}
    said |= {"drops": "dropped layers, windows, points"}
    for seed in range(1, draws + 1):
        for name, words in said.items():
            yield Source(words, {SOURCE: f"{name} {seed}"}, f"{name}{seed}")


def made(source: Source, place: Path) -> Run:
    "Make a run, or go on with it."
    words = [Path(sys.executable).with_name("muscle_run"), "demo", "--keep", "--run", place / source.folder]
    given = ["--with", __file__] if SOURCE in source.environment else []
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | source.environment
    subprocess.run([*words, *given], cwd=PROJECT, env=environment, check=True, stdout=subprocess.DEVNULL)
    click.echo(f"{source.said}: {place / source.folder}")
    return Run(place / source.folder)


def table(found: list[tuple[Source, Run]]) -> pd.DataFrame:
    "Say how far each source moves each score from the run to compare with: the mean over its runs, in points."
    rows = [{SAID[name]: value for name, value in run.results.items() if value} for _, run in found]
    moved = pd.DataFrame(rows[1:]) - pd.Series(rows[0])
    groups = moved.abs().groupby([source.said for source, _ in found[1:]], sort=False)
    return groups.mean().assign(runs=groups.size()).rename_axis("changed").reset_index()


@click.command(help=__doc__.split("\n")[0])
@click.argument("place", type=click.Path(path_type=Path))
@click.option("--at-once", default=2, help="Runs at a time.")
@click.option("--draws", default=1, help="Other seeds of each chance.")
def campaign(place: Path, at_once: int, draws: int) -> None:
    wanted = list(sources(draws))
    with ThreadPoolExecutor(at_once) as pool:
        runs = list(pool.map(lambda one: made(one, place.resolve()), wanted))
    found = table(list(zip(wanted, runs)))
    found.to_csv(TABLE, index=False)
    click.echo(found.to_string())


if __name__ == "__main__":
    campaign()
elif SOURCE in os.environ:
    chance, number = os.environ[SOURCE].split()
    CHANCES[chance](int(number))
