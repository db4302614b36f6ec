"""A profile, compiled once, is a dialect."""

from __future__ import annotations

from collections.abc import Callable

from heyi.kernel.talk import Answer, Declined, NotFound, Talk, Unknown
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import answers, callbacks, looks, requests, speech
from heyi.provision.fulfilment.suppliers.document import Profile, Submit
from heyi.provision.fulfilment.suppliers.requests import Asked
from heyi.provision.fulfilment.suppliers.speech import Ack, Credential, Dialect, Order

Speak = Callable[[Account, Order], Talk]


def compile(profile: Profile) -> Dialect:
    """The dialect that a profile without faults describes."""
    submits: dict[str, Speak] = {kind: _submit(profile, verb) for verb in profile.submit for kind in verb.kinds}
    calling = profile.callback
    shown = calling.ack if calling is not None else None
    return Dialect(
        credentials=tuple([Credential(one.name, one.label, one.secret) for one in profile.credentials]),
        kinds=tuple(submits),
        submit=lambda account, order: submits[order.kind](account, order),
        query=_query(profile, submits),
        balance=looks.balance(profile),
        products=looks.products(profile),
        product=looks.product(profile),
        parse_callback=callbacks.parser(profile),
        ack=Ack("success") if shown is None else Ack(shown.body, shown.status, shown.content_type),
        hidden=speech.hidden_values(*hidden_names(profile)),
        grace_ms=profile.grace_ms,
        first_query_ms=profile.first_query_ms,
        query_gap_ms=profile.query_gap_ms,
        callback_in_order=calling.in_order if calling is not None else False,
        repeats=profile.counts_once and (profile.query is None or profile.query.by == "supplier_number"),
    )


def hidden_names(profile: Profile) -> list[str]:
    """The names under which cards stand, and whatever else the profile wants hidden."""
    every = [
        profile.shown,
        *(verb.shown for verb in (*profile.submit, profile.query) if verb and verb.shown is not None),
    ]
    paths = [
        f"{shown.rows}.{cards.path}.{last}"
        for shown in every if (cards := shown.cards) is not None
        for last in ("", cards.number, cards.password)
    ]  # fmt: skip
    return list(dict.fromkeys([*filter(None, map(_last_name, paths)), *profile.hidden]))


def _last_name(path: str) -> str:
    """The last name of a path; a place in a list is none."""
    return next((name for name in reversed(path.split(".")) if name and not name.isdecimal()), "")


def _submit(profile: Profile, verb: Submit) -> Speak:
    make, read = requests.maker(profile, verb), answers.submit_reader(profile, verb)

    def submit(account: Account, order: Order) -> Talk:
        if requests.unsendable(profile, order.request):
            return speech.declined("account", "账号含有无法签名的字符", None)
        try:
            call = make(account, _asked(order))
        except ValueError:
            return speech.declined("request", "请求内容无法按对方格式写出", None)
        reply = yield call
        return read(account, order, reply)

    return submit


def _query(profile: Profile, submits: dict[str, Speak]) -> Speak:
    spec = profile.query
    ask = None if spec is None else (requests.maker(profile, spec), answers.query_reader(profile, spec))
    theirs = spec is not None and spec.by == "supplier_number"

    def query(account: Account, order: Order) -> Talk:
        if ask is None or (theirs and not order.supplier_number):
            if profile.counts_once and order.may_repeat and order.kind in submits:
                return _repeated((yield from submits[order.kind](account, order)))
            return Unknown("they cannot be asked by our number")
        make, read = ask
        try:
            call = make(account, _asked(order))
        except ValueError:
            return Unknown("the question cannot be written as they want it")
        reply = yield call
        return read(account, order, reply)

    return query


def _repeated(answer: Answer) -> Answer:
    """What sending a number again tells of the first time. A refusal is about this time: it says no more than that they
    do not know the number, and when it is about us as a whole, not even that.
    """
    if not isinstance(answer, Declined):
        return answer
    return Unknown(f"repeated: {answer.why}") if answer.why.split(" ", 1)[0] in speech.UNWELL else NotFound()


def _asked(order: Order) -> Asked:
    return Asked(order.at, order.outer_number, order.kind, order.request, order.supplier_number, order.sent_at)


__all__ = ["compile", "hidden_names"]
