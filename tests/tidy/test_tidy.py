"""Style is a test, and it suggests the cure."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "heyi"
STAGES = ("offer", "order", "provision", "settle", "watch")
CONTEXTS = sorted(path for stage in STAGES for path in (SRC / stage).iterdir() if (path / "__init__.py").is_file())
PURE = ("model.py", "rules.py", "errors.py", "facts.py")
FILE_LINES_MAX, FLOW_LINES_MAX, FUNCTION_LINES_MAX, FRONT_DOOR_MAX = 300, 150, 60, 14


def _sources(*folders: str) -> list[Path]:
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in str(path)
    )


def _calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


@pytest.mark.parametrize("path", _sources("src", "bench"), ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_can_be_read_aloud(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    most = FLOW_LINES_MAX if path.parent == SRC / "flows" else FILE_LINES_MAX
    lines = len(text.splitlines())
    assert lines <= most, f"{path}: {lines} lines; find the second subject in it and give that a file of its own"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{path}:{node.lineno} {node.name} has {length} lines; name its steps"


@pytest.mark.parametrize("path", _sources(*(f"src/heyi/{s}" for s in STAGES), "src/heyi/flows"), ids=str)
def test_time_and_speech_come_from_outside(path: Path) -> None:
    for line, name in _calls(path):
        assert name not in ("datetime.now", "datetime.utcnow", "time.time"), f"{path}:{line}: take `now` as an argument"
        assert name not in ("uuid4", "uuid.uuid4", "random.random"), f"{path}:{line}: use kernel.ids / pass it in"
        assert name != "print", f"{path}:{line}: contexts do not speak; make a fact or a log line"
        assert name not in ("time.sleep",), f"{path}:{line}: wait for a condition instead"


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda p: p.name)
def test_contexts_have_their_standard_files(context: Path) -> None:
    for name in ("__init__.py", "model.py"):
        assert (context / name).is_file(), f"{context.name} lacks {name}"
    names = re.findall(r'^    "(\w+)",', (context / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) <= FRONT_DOOR_MAX + 8, f"{context.name}: {len(names)} names at the front door; it has grown two"
    for path in context.rglob("*.py"):
        assert path.read_text(encoding="utf-8").strip(), f"{path} is empty: delete it"


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda p: p.name)
def test_pure_files_do_no_io(context: Path) -> None:
    for name in PURE:
        path = context / name
        if path.is_file():
            guests = {
                i for i in _imports(path) if i.startswith(("heyi.infra", "psycopg", "httpx2", "litestar", "asyncio"))
            }
            assert not guests, f"{path}: {guests}; I/O belongs into store.py or actions.py"


@pytest.mark.parametrize("file", sorted(SRC.glob("*/*/queries*.sql")), ids=lambda p: p.parent.name)
def test_sql_stays_home_and_says_why(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    home = file.parent.name
    code = "\n".join(line for line in text.splitlines() if not line.strip().startswith("--"))
    schemas = {path.name for path in CONTEXTS} | {"infra"}
    guests = {
        word for word in re.findall(r"\b(?:from|join|into|update|table|using)\s+(\w+)\.\w+", code) if word in schemas
    } - {home}
    assert not guests, f"{file}: reads {guests}; use that context's front door from a flow"
    for chunk in re.split(r"^-- name: ", text, flags=re.MULTILINE)[1:]:
        name, _, body = chunk.partition("\n")
        assert body.lstrip().startswith("--"), f"{file}: {name} does not say why it exists"


def test_sql_lives_in_sql_files_only() -> None:
    for path in _sources(*(f"src/heyi/{s}" for s in STAGES), "src/heyi/flows", "src/heyi/doors"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.match(r"\s*(select|insert into|update \w+\.|delete from)\b", node.value), (
                    f"{path}:{node.lineno}: SQL in Python; give it a name in queries.sql"
                )


def _error_classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in _sources("src/heyi"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Refused" for base in node.bases):
                yield path, node


def test_every_refusal_is_documented_and_coded() -> None:
    for path, node in _error_classes():
        names = {t.id for n in node.body if isinstance(n, ast.Assign) for t in ast.walk(n) if isinstance(t, ast.Name)}
        inherited = len(node.bases) > 1
        assert ast.get_docstring(node), f"{path}:{node.lineno} {node.name}: say when it happens"
        assert inherited or {"code", "kind", "zh", "en"} <= names, f"{path}:{node.lineno} {node.name}: {names}"


def test_money_has_no_floats() -> None:
    for path in [*(SRC / "settle").rglob("*.py"), SRC / "kernel" / "money.py", *(SRC / "order").rglob("*.py")]:
        for line, name in _calls(path):
            assert name not in ("float", "round"), f"{path}:{line}: money is whole minor units"


def test_no_committed_file_names_a_registry() -> None:
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        path = ROOT / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not [host for host in hosts if host in text], f"{name} names a package registry's host"


def test_every_setting_is_in_the_readme() -> None:
    used = {
        word for path in _sources("src/heyi") for word in re.findall(r"\bHEYI_[A-Z_]+\b", path.read_text("utf-8"))
    } - {"HEYI_RUN"}  # the supervisor's own mark on its children
    for readme in ("README.md", "README.zh-CN.md"):
        text = (ROOT / readme).read_text(encoding="utf-8")
        assert not (missing := {word for word in used if word not in text}), f"{readme} does not explain {missing}"


def test_decisions_are_numbered_and_short() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 80, f"{path}: a decision is one page"
        for head in ("**Context.**", "**Choice.**", "**Consequence.**"):
            assert head in text, f"{path} lacks {head}"
