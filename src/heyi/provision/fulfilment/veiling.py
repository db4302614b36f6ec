"""Pure: what may be shown of a rehearsal. A secret credential is shown as the place that it fills: `{cred.key}`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from heyi.kernel.talk import Reply
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.masking import charset_of, forms, masked

SECRET_MIN = 6  # a real account's shorter credentials are numbers of customers


def stand_in(account: Account) -> Account:
    """The same account with the place of every secret in its stead: what it would send tells nothing, however a draft
    writes or hashes it, and nobody can buy with what it signed."""
    places = {name: f"{{cred.{name}}}" for name, _ in _secrets(account)}
    return replace(account, credentials={**account.credentials, **places})


def veiled(text: str, account: Account, more: Iterable[str] = ()) -> str:
    """A text in which every secret credential is the place that it fills, and other secrets are stars."""
    pairs = [(form, f"{{cred.{name}}}") for name, value in _secrets(account) for form in forms(value)]
    pairs += [(secret, "****") for secret in more if secret]
    if not pairs:
        return text
    # All at once and the longest first: what stands in for one secret must not be searched for another.
    pairs.sort(key=lambda pair: -len(pair[0]))
    places = dict(reversed(pairs))
    return re.sub("|".join(re.escape(form) for form in places), lambda found: places[found[0]], text)


def veiled_in(value: Any, account: Account, more: Iterable[str] = ()) -> Any:
    """The same for every text in a piece of JSON."""
    if isinstance(value, str):
        return veiled(value, account, more)
    if isinstance(value, dict):
        return {name: veiled_in(one, account, more) for name, one in value.items()}
    return [veiled_in(one, account, more) for one in value] if isinstance(value, list) else value


def veiled_reply(reply: Reply, account: Account, cards: Iterable[str]) -> str:
    """What the other side said, as it may be shown."""
    text = reply.body.decode(charset_of(reply.headers.items()), "replace")
    return masked(veiled(text, account), (), account.connector.hidden, (), cards)


def is_real(account: Account) -> bool:
    """An account that there is; the others are made of samples."""
    return account.id.int != 0


def _secrets(account: Account) -> list[tuple[str, str]]:
    """What must not be shown: what the connector calls secret; and of a real account everything that could be, because
    a draft may call a key what it likes."""
    called_so = {one.name for one in account.connector.credentials if one.secret}
    real = is_real(account)
    return [
        (name, value) for name, value in account.credentials.items()
        if value and (name in called_so or (real and len(value) >= SECRET_MIN))
    ]  # fmt: skip
