"""What operators see of a running process: logs, metrics, and the trace id that ties a request to both.

Logs are structlog's (JSON in production, coloured lines on a terminal); the standard library's loggers go the same
way. What looks like a secret is masked on the way out, so that a careless log line does not become a leak.
Metrics are Prometheus'; the web serves them at /metrics, the worker with `serve_metrics`.
OpenTelemetry: whoever wants spans sets `trace_id` from the incoming traceparent; nothing here depends on its packages.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest, start_http_server

from heyi.infra.settings import Settings

trace_id: ContextVar[str] = ContextVar("trace_id", default="")

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

orders_placed = Counter("heyi_orders_placed", "Orders accepted", ["payment"])
batch_size = Histogram("heyi_batch_size", "Calls served by one transaction", ["action"], buckets=_SIZES)
batch_seconds = Histogram("heyi_batch_seconds", "Time of one batch's transaction", ["action"], buckets=_SECONDS)
request_seconds = Histogram("heyi_request_seconds", "HTTP requests by route", ["route", "status"], buckets=_SECONDS)
facts_relayed = Counter("heyi_facts_relayed", "Facts handed to the handlers of flows/map.py")
relay_lag_seconds = Gauge("heyi_relay_lag_seconds", "Age of the oldest fact in the last relayed batch")
jobs_run = Counter("heyi_jobs_run", "Background jobs by task and outcome", ["task", "outcome"])
tasks_recorded = Counter("heyi_tasks_recorded", "Answers of suppliers recorded", ["supplier", "answer"])
callbacks_heard = Counter("heyi_callbacks", "Callbacks of suppliers by what they were worth", ["supplier", "verdict"])
webhook_sends = Counter("heyi_webhook_sends", "Webhook tries by outcome", ["outcome"])
webhook_seconds = Histogram("heyi_webhook_seconds", "Time of one webhook try", buckets=_SECONDS)

_SECRET_NAME = re.compile(
    r"secret|token|password|authorization|api_?key|master_key|card_pw|credential|^code$|signature|cookie", re.IGNORECASE
)
_SECRET_VALUE = re.compile(r"(whsec_|Bearer\s+|hk_|://[^/\s:@]+:)[^\s\"'&,@]+")
_MASKED = "****"


def metrics() -> bytes:
    """Everything measured in this process, in Prometheus' text format."""
    return generate_latest(REGISTRY)


def serve_metrics(port: int, address: str = "127.0.0.1") -> None:
    """Serve /metrics from a thread; for processes without a web of their own (the worker)."""
    start_http_server(port, addr=address)


def new_trace_id() -> str:
    """32 hex digits, as in a W3C traceparent."""
    return os.urandom(16).hex()


def trace_id_from(traceparent: str | None) -> str:
    """The trace id of a W3C traceparent header, or a fresh one when there is none (or it is malformed)."""
    parts = (traceparent or "").strip().split("-")
    if len(parts) >= 4 and re.fullmatch(r"[0-9a-f]{32}", parts[1]) and set(parts[1]) != {"0"}:
        return parts[1]
    return new_trace_id()


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: values under secret-sounding names, and secret-looking texts anywhere, become ****."""
    for name, value in event.items():
        event[name] = _masked(name, value)
    return event


def _masked(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name):
        return _MASKED
    if isinstance(value, str):
        return _SECRET_VALUE.sub(lambda found: found[1] + _MASKED, value)
    if isinstance(value, dict):
        return {key: _masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", inner) for inner in value]
    return value


def _with_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if trace := trace_id.get():
        event["trace_id"] = trace
    return event


def set_up_logs(settings: Settings, process: str) -> None:
    """Once per process. A terminal gets coloured lines; everything else (and HEYI_LOG=json) one JSON object a line."""
    to_terminal = sys.stderr.isatty() and os.environ.get("HEYI_LOG", "") != "json"
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # before masking: tracebacks can quote a secret
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # Plain: the pretty tracebacks of terminals show local variables, credentials among them.
    last: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if to_terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    )  # fmt: skip
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for noisy in ("httpx2", "httpcore2", "procrastinate", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(process=process)
