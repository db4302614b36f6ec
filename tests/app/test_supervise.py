"""The supervisor: what it starts stays alive while it lives, and nothing is alive afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.app.support import eventually, gone, kill, number_in, python, said

from heyi.app.leftovers import family, read
from heyi.app.ports import PortInUse, check_port, holder
from heyi.app.process import all_pids, command_of, started_at
from heyi.app.supervise import Child, SuperviseError, Supervisor, running_pid

# A child whose own child left its process group and session, and does not care for SIGTERM.
PARENT_OF_A_STUBBORN_ONE = """
import pathlib, subprocess, sys, time
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
one = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True, stdout=subprocess.PIPE)
one.stdout.readline()
pathlib.Path(sys.argv[1]).write_text(str(one.pid))
time.sleep(600)
"""
SUPERVISE_AND_STAY = """
    import sys
    from pathlib import Path
    from heyi.app.supervise import Child, Supervisor
    folder, program = Path(sys.argv[1]), sys.argv[2]
    with Supervisor(folder, say=lambda line: None) as run:
        noted = folder / "grandchild"
        argv = [sys.executable, "-c", program, str(noted)]
        run.start(Child("family", argv, log=folder / "family.log", ready=noted.exists))
        print("pid", run.pid("family"), flush=True)
        run.wait()
"""


def sleeper(folder: Path, name: str = "sleeper") -> Child:
    return Child(name, ["sleep", "600"], log=folder / f"{name}.log")


def test_grandchildren_are_stopped_too(tmp_path: Path) -> None:
    noted = tmp_path / "grandchild"
    with Supervisor(tmp_path) as run:
        argv = [sys.executable, "-c", PARENT_OF_A_STUBBORN_ONE, str(noted)]
        run.start(Child("family", argv, log=tmp_path / "family.log", ready=noted.exists))
        child, grandchild = run.pid("family"), number_in(noted)
        assert not gone(grandchild)
    assert gone(child)
    assert gone(grandchild)
    assert running_pid(tmp_path) is None


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_runs_after_the_supervisor_ends(tmp_path: Path, sign: signal.Signals) -> None:
    supervisor = python(SUPERVISE_AND_STAY, tmp_path, PARENT_OF_A_STUBBORN_ONE)
    child, grandchild = int(said(supervisor, "pid")), number_in(tmp_path / "grandchild")
    supervisor.send_signal(sign)
    supervisor.wait()
    eventually(lambda: gone(child) and gone(grandchild), "child and grandchild end")
    kill(supervisor)


def test_a_killed_run_without_a_guard_is_healed_by_the_next(tmp_path: Path) -> None:
    supervisor = python(SUPERVISE_AND_STAY, tmp_path, PARENT_OF_A_STUBBORN_ONE)
    child, grandchild = int(said(supervisor, "pid")), number_in(tmp_path / "grandchild")
    guards = [pid for pid in all_pids() if "heyi-guard" in (line := command_of(pid)) and str(tmp_path) in line]
    assert len(guards) == 1
    os.kill(guards[0], signal.SIGKILL)
    kill(supervisor)
    assert not gone(child)
    lines: list[str] = []
    with Supervisor(tmp_path, say=lines.append):
        assert gone(child)
        assert gone(grandchild)
    assert lines == ["stopped 2 processes that a killed run had left"]


def test_a_number_used_again_is_not_touched(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        left = {
            "run": "an-old-run",
            "pid": 2**22,
            "started": "1",
            "children": {"web": {"pid": stranger.pid, "started": "1"}},
        }
        (tmp_path / "run.json").write_text(json.dumps(left))
        lines: list[str] = []
        with Supervisor(tmp_path, say=lines.append):
            pass
        assert lines == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"run": 1}'])
def test_a_broken_record_is_no_hindrance(tmp_path: Path, broken: str) -> None:
    (tmp_path / "run.json").write_text(broken)
    with Supervisor(tmp_path) as run:
        run.start(sleeper(tmp_path))


def test_a_second_run_is_told_who_runs(tmp_path: Path) -> None:
    with Supervisor(tmp_path):
        assert running_pid(tmp_path) == os.getpid()
        with pytest.raises(SuperviseError, match="already running") as told, Supervisor(tmp_path):
            pass
    assert f"kill {os.getpid()}" in told.value.cure


def test_a_crashed_child_comes_back_after_growing_gaps(tmp_path: Path) -> None:
    lines: list[str] = []
    with Supervisor(tmp_path, say=lines.append) as run:
        run.start(sleeper(tmp_path))
        for gap in ("again in 0.5 s", "again in 1 s"):
            before = run.pid("sleeper")
            os.kill(before, signal.SIGKILL)
            eventually(lambda before=before: run.pid("sleeper") != before, "another one")
            assert gap in lines[-1]
            assert "signal 9" in lines[-1]
        after = run.pid("sleeper")
        # The record is written after the new one is known: between the two, it still names the dead one.
        mine = {"pid": after, "started": started_at(after)}
        eventually(lambda: read(tmp_path)["children"]["sleeper"] == mine, "its record")
    assert gone(after)


def test_a_child_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('no key')"]
    with pytest.raises(SuperviseError, match="no key") as told, Supervisor(tmp_path) as run:
        run.start(sleeper(tmp_path), Child("web", argv, log=tmp_path / "web.log", ready=lambda: False))
    assert "web.log" in told.value.cure
    assert running_pid(tmp_path) is None


def test_a_silent_child_is_told(tmp_path: Path) -> None:
    child = Child("web", ["sleep", "600"], log=tmp_path / "web.log", ready=lambda: False, ready_within_s=0.2)
    with pytest.raises(SuperviseError, match="not ready after"), Supervisor(tmp_path) as run:
        run.start(child)


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(SuperviseError, match="cannot start web"), Supervisor(tmp_path) as run:
        run.start(Child("web", ["/nowhere/web"], log=tmp_path / "web.log"))


def test_ready_is_when_the_address_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with Supervisor(tmp_path) as run:
        run.start(Child("web", argv, log=tmp_path / "web.log", ready=f"http://127.0.0.1:{port}/nowhere"))
        with pytest.raises(PortInUse):
            check_port(port, "HEYI_PORT")
    check_port(port, "HEYI_PORT")


def test_a_port_in_use_names_the_holder_and_the_variable() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        assert holder(port) == os.getpid()
        with pytest.raises(PortInUse, match=f"port {port} is in use by process {os.getpid()}") as told:
            check_port(port, "HEYI_PORT")
    assert "HEYI_PORT=" in told.value.cure


def test_the_mark_reaches_grandchildren_only_of_this_run(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as run:
        run.start(sleeper(tmp_path, "a"), sleeper(tmp_path, "b"))
        mark = read(tmp_path)["run"]
        assert sorted(family(mark)) == sorted([run.pid("a"), run.pid("b")])
        assert family(f"{mark}:a") == [run.pid("a")]
