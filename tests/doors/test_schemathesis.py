"""Schemathesis over the whole document: data that fits every schema and data that does not, with keys of each kind.

Whatever is sent, the answer is not a crash, is documented, and looks as documented; errors are problem documents. Seeds
are fixed, so a failure repeats.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CheckContext, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.doors.victim import Victim
from tests.stack import Stack

EXAMPLES = {"positive": 8, "negative": 6}
PLACE = re.compile(r"{(\w+)}")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schemathesis.check
def errors_are_problems(ctx: CheckContext, response: Any, case: Any) -> None:
    """Every error says what it is in one way."""
    if response.status_code < 400:
        return
    assert response.headers["content-type"][0].startswith("application/problem+json"), response.headers
    told = response.json()
    assert told["code"], told
    assert told["status"] == response.status_code, told
    assert told["trace_id"], told


@pytest.fixture(scope="module")
def schema(stack: Stack) -> Any:
    return schemathesis.openapi.from_url(f"{stack.url}/openapi.json")


def _operations(schema: Any) -> list[Any]:
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("kind", ["channel", "partner", "operator"])
def test_the_whole_document(stack: Stack, victim: Victim, schema: Any, kind: str, mode: str) -> None:
    """What belongs to the key in several examples; what does not, once: it only has to be refused."""
    key = {"channel": stack.channel.key, "partner": stack.partner.key, "operator": stack.operator_key}[kind]
    headers = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
    wrong: list[str] = []
    met: Counter[int] = Counter()
    for operation in _operations(schema):
        mine = kind in operation.definition.raw["x-callers"]
        if mode == "negative" and not mine:
            continue
        examples = EXAMPLES[mode] if mine else 1
        try:
            # First about things that do not exist, then about some that do.
            _fuzz(operation, schemathesis.GenerationMode(mode), examples, headers, met, {})
            known = {name: victim.ids[name] for name in PLACE.findall(operation.path) if name in victim.ids}
            if known and mine and mode == "positive":
                _fuzz(operation, schemathesis.GenerationMode.POSITIVE, examples, headers, met, known)
        except Exception as error:
            wrong.append(f"{operation.label}: {_told(error)}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)
    assert sum(met.values()) > 50, met
    assert met[400 if mode == "negative" else 200], met


def _fuzz(operation: Any, mode: Any, examples: int, headers: dict[str, str], met: Counter[int],
          ids: dict[str, Any]) -> None:  # fmt: skip
    if mode is schemathesis.GenerationMode.NEGATIVE and not _can_be_wrong(operation):
        return
    strategy = operation.as_strategy(generation_mode=mode, path_parameters=ids or None)

    @given(case=strategy)
    @settings(max_examples=examples, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    def run(case: Any) -> None:
        answer = case.call_and_validate(headers=headers, checks=[*CHECKS, errors_are_problems])
        met[answer.status_code] += 1

    run()


def _can_be_wrong(operation: Any) -> bool:
    raw = operation.definition.raw
    return bool(raw.get("parameters") or raw.get("requestBody"))


def _told(error: BaseException) -> str:
    """The failures inside, and how to repeat the call."""
    inner = getattr(error, "exceptions", None)
    return " | ".join(_told(one) for one in inner) if inner else f"{type(error).__name__}: {str(error)[:700]}"
