"""Pure: which calls would buy. A rehearsal sends none of them, whatever verb a draft calls it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from urllib.parse import unquote

from heyi.kernel.talk import Call
from heyi.provision.fulfilment.suppliers.document import Profile

_PLACE = re.compile(r"\\\{.*?\\\}")


def looks_like_one(call: Call, base_url: str, profiles: Iterable[Profile]) -> bool:
    """Whether one of these profiles buys with this method at this path; where purchases share their address with
    everything else, the word that tells them apart must stand in the call as well."""
    way = _way(call.url.removeprefix(base_url).partition("?")[0])
    text = f"{call.url}\n{''.join(call.headers.values())}\n{call.body.decode(errors='replace')}"
    return any(
        call.method == (submit.method or one.sending.method)
        and re.fullmatch(_PLACE.sub(".+", re.escape(_way(submit.path))), way) is not None
        and submit.word in text
        for one in profiles for submit in one.submit
    )  # fmt: skip


def _way(path: str) -> str:
    """A path as servers take it: however it is written, it is the same one."""
    return posixpath.normpath(re.sub("/+", "/", unquote(path))).lower()
