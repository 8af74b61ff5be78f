"""Runs that several machines share: two of torchrun's agents on this one stand for two machines.

They do what one process does, go on after one of them was killed, and say by name what keeps them from it.
"""

import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
from conftest import COMMANDS, PROJECT
from test_run import RESULTS, files, record

ONCE = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # so that an agent that was started again finds the others


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listening(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def agent(port, folder, data, *words, said, restarts=0):
    "One machine: torchrun with one process, what it says in a file"
    own = ["--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", str(restarts), "--local-addr", "127.0.0.1"]
    place = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"localhost:{port}", "--rdzv-conf", "join_timeout=50"]
    ours = ["-m", "muscle.commands", "run", "smoke", "--folder", str(folder), "--set", f"data.devkit={data}"]
    with open(said, "w") as told:
        return subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", *own, *place, *ours, *map(str, words)],
            cwd=PROJECT,
            env=os.environ | (ONCE if restarts else {}),
            stdout=told,
            stderr=subprocess.STDOUT,
        )


def pair(folder, data, *words, restarts=0, others=None):
    "Both machines, and where each says what it says; `others` is what the second is told instead"
    port, texts = free_port(), [folder.with_name(f"{folder.name}.{k}.txt") for k in range(2)]
    other, told = others or (folder, words)
    first = agent(port, folder, data, *words, said=texts[0], restarts=restarts)
    while not listening(port):  # else the second might hold torchrun's rendezvous, and take it along when it is killed
        assert first.poll() is None, texts[0].read_text()
        time.sleep(0.1)
    return [first, agent(port, other, data, *told, said=texts[1], restarts=restarts)], texts, port


def ended(both, texts, within):
    "What both have said in the end"
    try:
        codes = [one.wait(within) for one in both]
    finally:
        for one in both:
            one.kill()
    return codes, [text.read_text() for text in texts]


@pytest.fixture(scope="session")
def two(tmp_path_factory, smoke, data):
    "The nine stages, by two machines that nothing happens to"
    folder = tmp_path_factory.mktemp("machines") / "run"
    both, texts, _ = pair(folder, data)
    codes, said = ended(both, texts, 1800)
    assert codes == [0, 0], said
    return folder


def test_two_machines_make_the_files_of_one(two, smoke):
    assert files(two).keys() == files(smoke).keys()
    assert all(record(two)["results"][name] is not None for name in RESULTS)


def test_a_machine_that_dies_and_comes_back(two, data, tmp_path):
    "SIGKILL to one agent, in a training and among the maps; the others wait for it, and the end is the same."
    folder = tmp_path / two.name
    words = ("--to", "irn")  # not the maps: what a killed agent had started lives for a second, and may end those
    both, texts, port = pair(folder, data, *words, restarts=3)
    for reached in (
        lambda: (folder / "encoder" / "resume.pt").exists(),
        lambda: 3 <= len(list((folder / "cams").glob("*.npz"))) < 20,
    ):
        while not reached():
            assert all(one.poll() is None for one in both), [text.read_text() for text in texts]
            time.sleep(0.05)
        assert record(folder)["stages"].get("irn_labels") is None
        both[1].kill()
        both[1].wait()
        both[1] = agent(port, folder, data, *words, said=texts[1], restarts=3)
    codes, said = ended(both, texts, 900)
    assert codes == [0, 0], said
    made, wanted = files(folder), files(two)
    for name in wanted:
        if name.startswith(("encoder/", "cams/")):
            assert made[name] == wanted[name], name


def test_a_folder_that_is_not_shared(data, tmp_path):
    both, texts, _ = pair(tmp_path / "mine", data, others=(tmp_path / "yours", ()))
    codes, said = ended(both, texts, 300)
    assert 0 not in codes and not (tmp_path / "mine" / "encoder").exists()
    for text in said:
        assert f"rank 1 of 2 ({socket.gethostname()}) does not see what rank 0 writes" in text


def test_other_settings(data, tmp_path):
    folder = tmp_path / "run"
    both, texts, _ = pair(folder, data, others=(folder, ("--set", "seed=1")))
    codes, said = ended(both, texts, 300)
    assert 0 not in codes and not (folder / "encoder").exists()
    for text in said:
        assert "was started with other seed than rank 0" in text


def test_a_rank_that_cannot_be_reached(data, tmp_path):
    "What torchrun tells a process of rank 1, with a port where nobody is"
    port = free_port()
    told = {"TORCHELASTIC_RUN_ID": "1", "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_MAX_RESTARTS": "0"}
    told |= {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    words = [COMMANDS / "muscle_run", "smoke", "--folder", str(tmp_path / "run"), "--set", f"data.devkit={data}"]
    run = subprocess.run(words, cwd=PROJECT, env=os.environ | told, capture_output=True, text=True, timeout=120)
    assert run.returncode == 2 and f"cannot reach rank 0 at 127.0.0.1:{port}" in run.stderr


def test_nobody_else_comes(data, tmp_path):
    "The second machine was told another port"
    began, said = time.monotonic(), tmp_path / "said.txt"
    alone = agent(free_port(), tmp_path / "run", data, said=said)
    assert alone.wait(120) != 0 and "RendezvousTimeoutError" in said.read_text()
    assert time.monotonic() - began < 60 + 20  # the set time, and torchrun's own start


@pytest.mark.parametrize("how", ["stands", "stopped"])
def test_a_rank_that_hangs(how, data, tmp_path):
    folder, given = tmp_path / "run", tmp_path / "hangs.py"
    lines = ["import os, time", "if os.environ.get('RANK') == '1':", "    time.sleep(10**6)"]
    given.write_text("\n".join(lines) + "\n" if how == "stands" else "")
    words = ("--with", given, "--to", "encoder", "--set", "machine.patience=60", "--set", "encoder.epochs=500")
    both, texts, _ = pair(folder, data, *words)
    if how == "stopped":
        while not (folder / "encoder" / "resume.pt").exists():
            assert all(one.poll() is None for one in both), [text.read_text() for text in texts]
            time.sleep(0.5)
        for process in psutil.Process(both[1].pid).children(recursive=True):
            if "spawn_main" in " ".join(process.cmdline()):
                process.send_signal(signal.SIGSTOP)
    codes, said = ended(both, texts, 400)
    assert 0 not in codes, said
    told = {"stands": "has done nothing for 6", "stopped": "has been silent for 6"}[how]
    assert all("rank 1 of 2" in text and told in text for text in said), said
    assert any("stage encoder" in text for text in said) and record(folder)["stages"]["encoder"]["state"] == "failed"
