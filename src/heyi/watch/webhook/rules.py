"""When to try again, when to give an endpoint up, and what goes over the wire: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from standardwebhooks import Webhook

from heyi.kernel.errors import Refused
from heyi.kernel.ids import to_text
from heyi.watch.webhook.errors import EventUnknown, UrlRefused
from heyi.watch.webhook.model import WEBHOOK, Announcement, Endpoint, Health, Outcome, Verdict

# Seconds before each try: at once, 5 s, 5 min, 30 min, 2 h, 5 h, then every 10 h until three days are over.
GAPS_S = (0, 5, 300, 1800, 7200, 18000, *(36000,) * 6)
JITTER = 10  # per cent, either way: endpoints that failed together must not come back together
DISABLED_AFTER, DISABLED_AFTER_FAILURES = timedelta(days=5), 5
GONE = 410  # Standard Webhooks: the receiver asks not to be called again
URL_CHARS_MAX, EVENTS_MAX = 2000, 50
ALL = "*"


def url_fault(url: str, *, private_allowed: bool) -> Refused | None:
    """What is wrong with an endpoint's URL before anything is resolved, or None."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return UrlRefused("/url", why="malformed")
    if len(url) > URL_CHARS_MAX or not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        return UrlRefused("/url", why=f"at most {URL_CHARS_MAX} printable ASCII characters")
    if parts.scheme != "https" and not (parts.scheme == "http" and private_allowed):
        return UrlRefused("/url", why="https only")
    if not host or "\\" in url:
        return UrlRefused("/url", why="no host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        return UrlRefused("/url", why="no user, password or fragment")
    return None


def events_fault(events: Sequence[str], known: Mapping[str, str]) -> Refused | None:
    """The first name in a filter that is no event, or None."""
    for place, event in enumerate(events):
        if event != ALL and event not in known:
            return EventUnknown(f"/events/{place}", event=event)
    return None


def shown_url(url: str) -> str:
    """A URL without its query, which may carry the owner's own token."""
    return url.partition("?")[0]


def wants(endpoint: Endpoint, event: str) -> bool:
    return ALL in endpoint.events or event in endpoint.events


def matched(endpoints: Sequence[Endpoint], news: Sequence[Announcement]) -> list[tuple[Endpoint, Announcement]]:
    """Who is told what, sorted by the deliveries' key."""
    of: dict[UUID, list[Endpoint]] = {}
    for endpoint in endpoints:
        of.setdefault(endpoint.holder_id, []).append(endpoint)
    pairs = [(e, one) for one in news for e in of.get(one.holder_id, ()) if wants(e, one.event)]
    return sorted(pairs, key=lambda pair: (pair[0].id, pair[1].fact_id))


def headers(secrets: Sequence[str], fact_id: UUID, body: bytes, *, wall: datetime) -> dict[str, str]:
    """Standard Webhooks: the same id on every try, real time, one signature per living secret."""
    id, text = to_text("fct", fact_id), body.decode()
    return {
        "content-type": "application/json",
        "user-agent": "heyi-webhooks/1",
        "webhook-id": id,
        "webhook-timestamp": str(int(wall.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(id, wall, text) for secret in secrets),
    }


def verdict(outcome: Outcome) -> Verdict:
    """Delivered, to be tried again after the next gap, or given up. The jitter comes out of the delivery's id."""
    if outcome.arrived:
        return Verdict("delivered", None)
    attempts = outcome.sending.attempts
    if outcome.status == GONE or attempts >= len(GAPS_S):
        return Verdict("failed", None)
    percent = (outcome.sending.id.int + attempts * 7) % (2 * JITTER + 1) - JITTER
    gap = timedelta(seconds=GAPS_S[attempts]) * (100 + percent) / 100
    return Verdict("waiting", outcome.at + gap)


def health(endpoint: Endpoint, outcomes: Sequence[Outcome]) -> Health:
    """How an endpoint is after these tries. One arrival forgets all failures; time alone disables nobody."""
    ours = endpoint.voice == WEBHOOK
    if ours and any(outcome.status == GONE for outcome in outcomes):
        return Health(endpoint.failing_since, endpoint.failures, "gone: it answered 410")
    if any(outcome.arrived for outcome in outcomes):
        return Health(None, 0, None)
    latest = max(outcome.at for outcome in outcomes)
    since = endpoint.failing_since or min(outcome.at for outcome in outcomes)
    failures = endpoint.failures + len(outcomes)
    # In another voice every order has an address of its own: one that is dead says nothing about the next.
    if ours and latest - since >= DISABLED_AFTER and failures >= DISABLED_AFTER_FAILURES:
        last = outcomes[-1]
        return Health(since, failures, f"nothing arrived for five days; last: {last.error or last.status}")
    return Health(since, failures, None)


def lease_for(timeout_s: float) -> timedelta:
    """A lease outlives its try by enough to record it."""
    return timedelta(seconds=timeout_s + 45)
