"""A supplier that wants a login first: what we buy with is a token that it gives us for a signed time.

A profile sends one request for each question, so this dialect is a package. docs/connectors.md says what a connector
must hold to; here it is held to.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from heyi.kernel.talk import Accepted, Answer, Call, Delivered, Look, NotFound, Reply, Talk, Unknown
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import Ack, Callback, Dialect, Heard, Order, Refusal, speech
from heyi.provision.fulfilment.suppliers.speech import Balance, Credential

JSON = {"Content-Type": "application/json"}
# Their words for a definite no, and ours.
REFUSALS = {"out_of_stock": "sold_out", "no_money": "balance", "bad_account": "account", "no_product": "no_product"}


def sign(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def login(account: Account, at: datetime) -> Look[str | Unknown]:
    """The token, or why there is none."""
    stamp, key = str(int(at.timestamp())), account.credentials["secret"]
    signed = account.credentials["app_id"] + stamp
    body = {"app_id": account.credentials["app_id"], "time": stamp, "sign": sign(signed, key)}
    call = Call("POST", f"{account.base_url}/login", JSON, speech.compact(body).encode(), (key, body["sign"]), signed)
    told = _read((yield call))
    token = "" if isinstance(told, Unknown) else speech.text_of(told.get("token"))
    return token or (told if isinstance(told, Unknown) else Unknown("the login gave no token"))


def submit(account: Account, order: Order) -> Talk:
    token = yield from login(account, order.at)
    if isinstance(token, Unknown):  # nothing was bought: said so, it may be tried again
        return speech.declined("maintenance", token.why, None)
    accounts = dict(order.request.accounts)
    body = {"number": order.outer_number, "product": order.request.product_no, "accounts": accounts}
    url = f"{account.base_url}/orders"
    reply = yield Call("POST", url, _with(token), speech.compact(body).encode(), (token, *accounts.values()))
    told = _read(reply)
    if isinstance(told, Unknown):
        return told
    refused = speech.text_of(told.get("error"))
    if refused in REFUSALS:
        return speech.declined(REFUSALS[refused], speech.text_of(told.get("message")), refused)
    return _state(told, order)


def query(account: Account, order: Order) -> Talk:
    token = yield from login(account, order.at)
    if isinstance(token, Unknown):
        return token
    reply = yield Call("GET", f"{account.base_url}/orders/{order.outer_number}", _with(token), b"", (token,))
    told = _read(reply)
    if isinstance(told, Unknown):
        return told
    return NotFound() if told.get("error") == "not_found" else _state(told, order)


def balance(account: Account, at: datetime) -> Look[Balance]:
    token = yield from login(account, at)
    if isinstance(token, Unknown):
        return Balance(None, token.why)
    told = _read((yield Call("GET", f"{account.base_url}/balance", _with(token), b"", (token,))))
    return Balance(None, told.why) if isinstance(told, Unknown) else Balance(speech.fen_of(told.get("balance")))


def parse_callback(account: Account, callback: Callback, at: datetime) -> Heard | Refusal:
    """Signed over time and body, in two headers."""
    stamp = callback.headers.get("x-time", "")
    mine = sign(stamp + callback.body.decode("latin-1"), account.credentials["secret"])
    if not hmac.compare_digest(mine.encode(), callback.headers.get("x-sign", "").encode()):
        return Refusal("unsigned")
    if not stamp.isdecimal() or abs(at.timestamp() - int(stamp[:12])) > 3600:
        return Refusal("stale")
    number = speech.text_of((speech.read_json(callback.body) or {}).get("number"))
    return Heard(number) if number else Refusal("unreadable")


def _with(token: str) -> dict[str, str]:
    return {**JSON, "Authorization": f"Bearer {token}"}


def _read(reply: Reply) -> speech.Json | Unknown:
    if reply.status != 200:
        return Unknown(f"HTTP {reply.status}")
    return speech.read_json(reply.body) or Unknown("unreadable answer")


def _state(told: speech.Json, order: Order) -> Answer:
    """A closed table: a state that is not in it is unknown."""
    if told.get("number") != order.outer_number:
        return Unknown("the answer is about another order")
    number, state = speech.text_of(told.get("id")) or None, speech.text_of(told.get("state"))
    if state == "working":
        return Accepted(number)
    if state == "done":
        cards = told.get("cards")
        pairs = [(speech.text_of(card.get("code")), speech.text_of(card.get("password"))) for card in cards or ()]
        if order.kind == "card_key" and len(pairs) != 1:
            return Unknown(f"{len(pairs)} cards instead of 1")
        return Delivered(number, tuple(pairs), speech.fen_of(told.get("cost")))
    if state == "failed":
        return speech.failed("recharge", speech.text_of(told.get("message")), number)
    return Unknown(f"unmapped state {state[:20] or 'missing'}")


DIALECT = Dialect(
    credentials=(Credential("app_id", "应用编号", secret=False), Credential("secret", "应用密钥")),
    kinds=("top_up", "card_key"),
    submit=submit,
    query=query,
    balance=balance,
    parse_callback=parse_callback,
    ack=Ack("ok"),
    hidden=speech.hidden_values("token", "code", "password"),
)
