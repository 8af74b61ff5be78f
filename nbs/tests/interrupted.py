"""What interruptions do to a run: killed at any moment, with the disk, the rights or the memory taken away.

Run by hand (`python nbs/tests/interrupted.py`, about an hour on two cores); the last result stands in
data/results/interruptions.csv. Each trial is a run of the smoke profile that is interrupted, and then given the same
command again until it ends. It must end with the same files, to the byte, as a run that nobody disturbed; a command
that ends by itself must say why in a few lines, without a traceback. A full disk is a small one in memory and short
memory a control group of Linux, which take root; where they cannot be had these trials are left out.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pandas as pd

from muscle.profile import PROJECT

TABLE = PROJECT / "data" / "results" / "interruptions.csv"
GROUPS = Path("/sys/fs/cgroup/memory")  # control groups of version 1
NOBODY = 65534  # a user who may not write everywhere, as root may
PATIENCE = 1800  # seconds that a command gets


class Ended(NamedTuple):
    "How a command ended."

    status: int
    said: str

    def fault(self) -> str:  # nothing where all is well
        "Say what is wrong with how it ended: by itself with a message, or killed."
        told = self.status in (1, 2) and "Traceback" not in self.said and self.said.strip()
        return "" if told or self.status in (0, -signal.SIGKILL) else f"status {self.status}: {self.said[-400:]}"


class Runner:
    "A run of the smoke profile, to be given its command again and again."

    def __init__(
        self,
        place: Path,  # a folder of its own
        data: Path,  # the drawn dataset
        processes: int,  # that the run takes
        user: int | None = None,  # whose processes they are
    ):
        self.place, self.folder, self.user = place, place / "smoke", user
        self.processes, self.said = processes, Path(tempfile.mkstemp()[1])
        self.words = [Path(sys.executable).with_name("muscle_run"), "smoke", "--run", self.folder]
        self.words += ["--processes", processes, "--set", f"data.devkit={data}"]

    def start(self) -> subprocess.Popen:
        "Give the command."
        whose = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        home = {"HOME": str(self.place)} if self.user else {}
        with self.said.open("w") as said:
            how = {"stdout": said, "stderr": said, "start_new_session": True, "env": os.environ | home, **whose}
            return subprocess.Popen([*map(str, self.words)], cwd=PROJECT, **how)

    def end(self, command: subprocess.Popen, within: float = PATIENCE) -> Ended:
        "Wait for the command, and kill it when its time is over."
        try:
            command.wait(within)
        except subprocess.TimeoutExpired:
            os.killpg(command.pid, signal.SIGKILL)
            command.wait()
        return Ended(command.returncode, self.said.read_text(errors="replace"))

    def record(self) -> dict:
        "Read the run's record."
        return json.loads((self.folder / "run.json").read_text())

    def made(self) -> dict[str, bytes]:
        "Read every file that stages made, and the scores; logs, notebooks and SVG carry times and are left out."
        kept = {}
        for path in self.folder.rglob("*"):
            name = path.relative_to(self.folder)
            timed = name.parts[0] in ("notebooks", "metrics", "run.json") or path.suffix == ".svg"
            if path.is_file() and not timed and path.name not in (".lock", ".command"):
                kept[str(name)] = path.read_bytes()
        return kept | {"the scores": json.dumps(self.record()["results"]).encode()}


class Whole(NamedTuple):
    "A run that nobody disturbed."

    made: dict[str, bytes]  # its files
    seconds: float  # that it took
    peak: int  # memory of its largest stage in MB


def whole(runner: Runner) -> Whole:
    "Make a run without disturbing it."
    began = time.monotonic()
    ended = runner.end(runner.start())
    if ended.status:
        raise SystemExit(ended.said)
    peak = max(entry["peak_mb"] for entry in runner.record()["stages"].values())
    return Whole(runner.made(), time.monotonic() - began, peak)


def killed(runner: Runner, rng: np.random.Generator, known: Whole) -> Iterator[Ended]:
    "Kill the command at random moments, until it ends before it is killed."
    while True:
        yield (ended := runner.end(runner.start(), within=rng.uniform(0.5, 0.7 * known.seconds)))
        if ended.status != -signal.SIGKILL:
            return


def full_disk(runner: Runner, rng: np.random.Generator, known: Whole) -> Iterator[Ended]:
    "Let the disk be too small for the run, three times, and at last large enough."
    needed = sum(map(len, known.made.values()))
    sizes = [*(rng.uniform(0.02, 1.0, 3) * needed).astype(int), 4 << 30]
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={min(sizes)}", "tmpfs", runner.place], check=True)
    for size in sorted(sizes):
        subprocess.run(["mount", "-o", f"remount,size={size}", runner.place], check=True)
        yield runner.end(runner.start())


def no_rights(runner: Runner, rng: np.random.Generator, known: Whole) -> Iterator[Ended]:
    "Take the right to write in the run's folders away at a random moment, and give it back."
    command = runner.start()
    time.sleep(rng.uniform(0.15, 0.8) * known.seconds)
    folders = [path for path in (runner.folder, *runner.folder.rglob("*")) if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    yield runner.end(command)
    for path in folders:
        path.chmod(0o755)
    yield runner.end(runner.start())


def short_memory(runner: Runner, rng: np.random.Generator, known: Whole) -> Iterator[Ended]:
    "Let Linux kill what needs more memory than there is, and then give it what it needs."
    group = GROUPS / "muscle_interrupted"
    group.mkdir(exist_ok=True)
    (group / "memory.limit_in_bytes").write_text(str(int(rng.uniform(0.5, 0.95) * known.peak * 2**20)))
    command = runner.start()
    (group / "cgroup.procs").write_text(str(command.pid))
    yield runner.end(command)
    yield runner.end(runner.start())


class Kind(NamedTuple):
    "A kind of interruption."

    interrupts: Callable[[Runner, np.random.Generator, Whole], Iterator[Ended]]  # the last one is the run's end
    possible: bool  # on this machine
    user: int | None = None  # whose processes are interrupted


def may_start(user: int | None) -> bool:
    "Tell whether a user may start this Python, which can lie in somebody's home."
    try:
        return subprocess.run([sys.executable, "-c", ""], **({"user": user} if user else {})).returncode == 0
    except PermissionError:
        return False


ROOT = sys.platform == "linux" and os.geteuid() == 0
OTHER = NOBODY if ROOT else None
KINDS = {
    "killed": Kind(killed, True),
    "disk full": Kind(full_disk, ROOT),
    "rights taken": Kind(no_rights, may_start(OTHER), OTHER),
    "memory short": Kind(short_memory, ROOT and os.access(GROUPS, os.W_OK)),
}


class Trial(NamedTuple):
    "An interrupted run and what became of it."

    kind: str  # of KINDS
    processes: int  # that the run took
    interruptions: int  # how often it did not come to its end
    fault: str  # nothing where all is well


def tried(name: str, runner: Runner, rng: np.random.Generator, known: Whole) -> Trial:
    "Interrupt a run, and look what comes of it."
    runner.place.mkdir()
    if runner.user:
        os.chown(runner.place, runner.user, runner.user)
    ends = list(KINDS[name].interrupts(runner, rng, known))
    faults = [ended.fault() for ended in ends]
    if ends[-1].status:
        faults.append(f"does not go on: {ends[-1].said[-400:]}")
    else:
        made = runner.made()
        other = sorted(file for file in {*made, *known.made} if made.get(file) != known.made.get(file))
        faults.append(f"{len(other)} files differ: {', '.join(other[:4])}" if other else "")
    if name == "disk full":
        subprocess.run(["umount", runner.place], check=True)
    return Trial(name, runner.processes, sum(ended.status != 0 for ended in ends), " | ".join(filter(None, faults)))


def noted(trials: list[Trial]) -> None:
    "Write the table; what it says of trials that were not made stays."
    table = pd.DataFrame(trials).assign(faults=lambda rows: rows.fault != "")
    groups = table.groupby(["kind", "processes"], sort=False)
    made = groups.agg(runs=("fault", "size"), interruptions=("interruptions", "sum"), faults=("faults", "sum"))
    before = pd.read_csv(TABLE, index_col=["kind", "processes"])
    pd.concat([made, before.drop(made.index, errors="ignore")]).sort_index().to_csv(TABLE)


@click.command(help=__doc__.split("\n")[0])
@click.option("--seed", default=0, help="Of the moments and sizes.")
@click.option("--count", default=10, help="Runs that are killed, with one process and with two; others a third.")
@click.option("--only", type=click.Choice([*KINDS]), help="One kind alone.")
@click.option("--processes", "sizes", default=(1, 2), multiple=True, help="That a run takes.")
def campaign(seed: int, count: int, only: str | None, sizes: tuple[int, ...]) -> None:
    trials = []
    with tempfile.TemporaryDirectory(prefix="muscle_interrupted_") as work:
        Path(work).chmod(0o755)
        for processes in sizes:
            home, data = Path(work, f"whole-{processes}"), Path(work, "data")
            home.mkdir()
            known = whole(Runner(home, data, processes))
            click.echo(f"undisturbed, {processes} processes: {known.seconds:.0f} s, {known.peak} MB")
            for name, kind in KINDS.items():
                if only not in (None, name):
                    continue
                if not kind.possible:
                    click.echo(f"{name}: left out, cannot be had here")
                    continue
                for number in range(count if name == "killed" else -(-count // 3)):
                    rng = np.random.default_rng([seed, processes, [*KINDS].index(name), number])
                    runner = Runner(Path(work, f"{name.split()[0]}-{processes}-{number}"), data, processes, kind.user)
                    trials.append(tried(name, runner, rng, known))
                    click.echo(f"{name}, run {number}: {trials[-1].interruptions} times; {trials[-1].fault or 'well'}")
                    shutil.rmtree(runner.place)
    noted(trials)
    raise SystemExit(any(trial.fault for trial in trials))


if __name__ == "__main__":
    campaign()
