"""One exchange of a dialect without a network: what would go out, and what a reply to it means."""

from __future__ import annotations

from dataclasses import dataclass

from heyi.kernel.talk import Answer, Call, Reply
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import Dialect, Order


@dataclass(frozen=True, slots=True)
class Played:
    """One verb without a network: the call as it would go out (None: nothing would be sent), and what a reply means."""

    call: Call | None
    answer: Answer | None


def play(dialect: Dialect, account: Account, order: Order, verb: str, reply: Reply | None = None) -> Played:
    """What a purchase or a query would send, and what this reply to it would mean. Nothing is sent."""
    talk = dialect.submit(account, order) if verb == "submit" else dialect.query(account, order)
    try:
        call = next(talk)
    except StopIteration as end:
        return Played(None, end.value)
    if reply is None:
        talk.close()
        return Played(call, None)
    try:
        talk.send(reply)
    except StopIteration as end:
        return Played(call, end.value)
    talk.close()
    return Played(call, None)
