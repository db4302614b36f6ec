"""The demo for real, as a newcomer runs it.

It starts in an empty folder on free ports, sells an order, says where it is, lets itself be used with the lines that
it prints, heals what a misbehaving supplier breaks, moves its clock by a month, and leaves nothing behind when it is
stopped. Killed without a word, it starts again and goes on with what it had.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.app.cli_support import free_port

from heyi.app.embedded import Embedded
from heyi.app.leftovers import family
from heyi.app.process import started_at

HEYI = [sys.executable, "-m", "heyi.app.cli"]
READY_WITHIN_S, GONE_WITHIN_S = 180, 60
ROWS = 100_000
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Demo:
    """One folder with its ports; started and stopped as often as a test likes."""

    home: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    runs: list[str] = field(default_factory=list)

    @property
    def output(self) -> str:
        return (self.home.parent / "demo.log").read_text(encoding="utf-8")

    def start(self, *words: str) -> dict[str, Any]:
        """Answers demo.json when the demo is ready."""
        with (self.home.parent / "demo.log").open("wb") as log:
            self.process = subprocess.Popen([*HEYI, "demo", *words], env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            if (self.home / "demo.json").exists():
                found: dict[str, Any] = json.loads((self.home / "demo.json").read_text())
                if found["pid"] == self.process.pid:
                    self.runs.append(json.loads((self.home / "run.json").read_text())["run"])
                    return found
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(GONE_WITHIN_S)

    def heyi(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*HEYI, *words], env=self.env, capture_output=True, text=True, timeout=180, check=False)

    def nothing_is_left(self) -> bool:
        return not any(family(run) for run in self.runs) and not Embedded(self.home).running()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("demo") / ".heyi"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEYI_")}
    ports = {"HEYI_PORT": str(free_port()), "HEYI_SIMULATOR_PORT": str(free_port())}
    running = Demo(home, {**kept, **ports, "HEYI_HOME": str(home), "HEYI_LANG": "en"})
    try:
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.end(signal.SIGINT)
        Embedded(home).destroy()


def test_the_whole_visit(demo: Demo) -> None:
    where = demo.start()
    assert (demo.home / "demo.json").stat().st_mode & 0o777 == 0o600
    assert set(where) == {"url", "channel_key", "partner_key", "operator_key", "simulator_url", "pid"}
    _told_what_happened(demo.output)
    _vault_is_full(demo)
    _printed_lines_work(demo)
    _readme_lines_work(demo)
    _the_example_shop_works(demo)
    _doctor_is_content(demo)
    _a_second_one_is_refused(demo)
    _breaks_and_heals(demo)
    _a_month_passes(demo)
    _operators_lines_work(demo, where["simulator_url"])

    assert demo.end(signal.SIGINT) == 0, demo.output
    assert not (demo.home / "demo.json").exists()
    assert demo.nothing_is_left()


def test_killed_without_a_word_it_starts_again_with_its_data(demo: Demo) -> None:
    before = demo.start()
    orders = json.loads(demo.heyi("order", "list", "--limit", "200", "--json").stdout)
    demo.end(signal.SIGKILL)
    began = time.monotonic()
    again = demo.start()
    assert time.monotonic() - began < 60
    assert again["channel_key"] == before["channel_key"]
    kept = {one["id"] for one in json.loads(demo.heyi("order", "list", "--limit", "200", "--json").stdout)}
    assert {one["id"] for one in orders} < kept
    (demo.home / "not-ours.txt").write_text("stays")
    assert demo.end(signal.SIGTERM) in (0, 128 + signal.SIGTERM)
    assert demo.nothing_is_left()
    assert started_at(again["pid"]) is None


def test_a_reset_begins_with_nothing_and_deletes_nothing_of_others(demo: Demo) -> None:
    before = json.loads((demo.home / "demo" / "kept.json").read_text())
    again = demo.start("--reset")
    assert again["channel_key"] != before["channel_key"]
    assert "52 made" in demo.output
    assert len(json.loads(demo.heyi("order", "list", "--json").stdout)) == 2
    assert (demo.home / "not-ours.txt").exists()
    assert demo.end(signal.SIGINT) == 0
    assert demo.nothing_is_left()


def _readme_lines_work(demo: Demo) -> None:
    """Both READMEs, literally: what a newcomer types after `make demo`. Break and forward have stories of their own."""
    for readme, number in (("README.md", "README-1"), ("README.zh-CN.md", "README-ZH-1")):
        blocks = re.findall(r"```sh\n(.*?)```", (ROOT / readme).read_text(encoding="utf-8"), re.DOTALL)
        commands = next(block for block in blocks if "heyi doctor" in block)
        for line in commands.splitlines():
            words = shlex.split(line, comments=True)[1:]
            if words[:1] != ["demo"]:
                ran = demo.heyi(*words)
                assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
        curl = next(block for block in blocks if "curl" in block)
        shell = subprocess.run(
            ["sh", "-eu", "-c", curl], cwd=demo.home.parent, env=demo.env, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert shell.returncode == 0, shell.stderr
        assert shell.stdout.count(f'"channel_order_no":"{number}"') == 2, shell.stdout
        assert '"payment":"paid"' in shell.stdout


def _operators_lines_work(demo: Demo, simulator_url: str) -> None:
    """What operators type, in both READMEs: the same lines but for what is said in words, and each does something. Who
    reads a list that was read a moment ago is told when to come again.
    """
    english, chinese = (_typed(ROOT / readme) for readme in ("README.md", "README.zh-CN.md"))
    assert [_unspoken(line) for line in english] == [_unspoken(line) for line in chinese]
    assert len(english) > 20
    for line in english:
        ran = demo.heyi(*shlex.split(line.replace("http://127.0.0.1:8790", simulator_url)))
        assert ran.returncode == 0 or "sync.too_soon" in ran.stderr, (line, ran.stdout, ran.stderr)


def _typed(readme: Path) -> list[str]:
    """The lines that can be typed as they stand: without a word in capitals, which is a place for one's own."""
    blocks = re.findall(r"```sh\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("heyi ")]
    bare = [line.partition("  #")[0].removeprefix("heyi ").strip() for line in lines]
    return [line for line in bare if not any(re.fullmatch("[A-Z]+", word) for word in shlex.split(line))]


def _unspoken(line: str) -> str:
    return re.sub(r"(--why|--proof) '[^']*'", r"\1", line)


def _the_example_shop_works(demo: Demo) -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "examples" / "buy_a_bundle.py", "joint-annual", "13800138000"], cwd=demo.home.parent,
        env=demo.env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "paid 99.00 CNY" in ran.stdout
    assert ran.stdout.count("yours: ") == 3, ran.stdout


def _told_what_happened(output: str) -> None:
    for word in (
        "order.paid",
        "attempt.started",
        "attempt.accepted",
        "order.fulfilled",
        "signatures verified",
        "/docs",
    ):
        assert word in output, output


def _vault_is_full(demo: Demo) -> None:
    shown = json.loads(demo.heyi("keys", "batches", "--json").stdout)
    assert sum(batch["total"] for batch in shown if batch["source"] == "imported") == ROWS


def _printed_lines_work(demo: Demo) -> None:
    """Every line under "By hand", in one shell, exactly as it is printed."""
    typed = demo.output.partition("By hand")[2].partition("Ctrl-C stops")[0].splitlines()[1:]
    script = "\n".join(line.strip() for line in typed if line.strip())
    assert script.count("curl") == 5, script
    done = subprocess.run(["sh", "-eu"], input=script, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    order, revealed, *_, redeemed = [json.loads(line) for line in done.stdout.splitlines() if line[:1] in "[{"]
    assert order["status"]["payment"] == "paid"
    assert {item["kind"] for item in order["items"]} == {"top_up", "card_key", "voucher", "link"}
    assert sum(bool(one["code"]) for one in revealed) == 2
    assert redeemed["state"] == "redeemed"
    assert redeemed["holding"]["units_left"] == 3


def _doctor_is_content(demo: Demo) -> None:
    done = demo.heyi("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all is well" in done.stdout


def _a_second_one_is_refused(demo: Demo) -> None:
    done = demo.heyi("demo")
    assert done.returncode == 1
    assert "already running" in done.stderr
    reset = demo.heyi("demo", "--reset")
    assert reset.returncode == 1
    assert "already running" in reset.stderr
    assert (demo.home / "demo.json").exists()


def _breaks_and_heals(demo: Demo) -> None:
    done = demo.heyi("demo", "break", "error-500")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "delivered this item 1 time(s)" in done.stdout
    assert "unknown" in done.stdout
    assert demo.heyi("demo", "heal").returncode == 0


def _a_month_passes(demo: Demo) -> None:
    done = demo.heyi("demo", "forward", "1mo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"item\.delivered\s+takeaway-5", done.stdout)
    assert re.search(r"item\.delivered\s+music-month", done.stdout)
    assert re.search(r"entitlement\.ended\s+tea-voucher.*expired", done.stdout)
