"""卡速售 v2 and its many clones.

POST JSON with headers UserId, Timestamp (13-digit ms) and Sign = sha1(timestamp + JSON with sorted keys + key). We
send the very bytes that we signed. The document gives code 200 and statuses 2, 3 and 4; the refusal codes below come
from one public client and our simulator: beta. A code that is not in the table means "unknown", never "failed".
Card numbers in a callback are outside its signature, so they are never read from there.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from heyi.kernel.clock import millis
from heyi.kernel.talk import Accepted, Answer, Call, Delivered, NotFound, Reply, Talk, Unknown
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import speech
from heyi.provision.fulfilment.suppliers.speech import Balance, Callback, Dialect, Heard, Json, Order, Refusal

SUCCESS = ("0", "1", "200")  # the clones differ; all three were seen
PROCESSING, DONE, FAILED = "2", "3", "4"
# Refusals of a purchase: our word for each.
REFUSALS = {
    "400": "request", "401": "signature", "402": "balance", "403": "clock", "404": "no_product", "405": "endpoint",
    "410": "sold_out", "411": "off_sale", "412": "price", "422": "account", "423": "maintenance",
}  # fmt: skip
KNOWN_ALREADY, NO_SUCH_ORDER = "409", "404"
UNSIGNED_FIELDS = ("sign", "card_list", "express_list")
# They send a callback again for 75 minutes; older ones are replays.
FRESH_S = 2 * 60 * 60


def sign(stamp: str, text: str, key: str) -> str:
    """sha1(time + sorted JSON + key), lower case."""
    return hashlib.sha1(f"{stamp}{text}{key}".encode(), usedforsecurity=False).hexdigest()


def sorted_json(body: object) -> str:
    """Keys sorted on every level; an empty body is `{}`."""
    return speech.compact(_sorted(body)) if body else "{}"


def call(account: Account, path: str, body: Json, at: datetime, secrets: tuple[str, ...] = ()) -> Call:
    """A signed request: serialised once, signed, and sent as those bytes."""
    text, stamp, key = sorted_json(body), str(millis(at)), account.credentials["key"]
    signature = sign(stamp, text, key)
    headers = {
        "UserId": account.credentials["user_id"],
        "Timestamp": stamp,
        "Sign": signature,
        "Content-Type": "application/json",
    }
    url = f"{account.base_url}/api/v1/{path}"
    return Call("POST", url, headers, text.encode(), (key, signature, *secrets))


def submit(account: Account, order: Order) -> Talk:
    """Buy one; `safe_price` refuses a price above what we calculated with."""
    request = order.request
    main, others = speech.accounts_by_role(request, ("recharge_account",))
    body: Json = {
        "id": speech.number_of(request.product_no),
        "external_orderno": order.outer_number,
        "quantity": 1,
        "safe_price": speech.yuan_of(request.cost_minor),
        "url": account.callback_url,
    }
    if request.accounts:
        body["attach"] = {"recharge_account": main, **others}
    reply = yield call(account, "order/buy", body, order.at, tuple([value for _, value in request.accounts]))
    told = _told(reply)
    if isinstance(told, Unknown):
        return told
    code = speech.text_of(told.get("code"))
    if code in REFUSALS:
        said = speech.text_of(told.get("msg"))
        return speech.declined(REFUSALS[code], said, code)
    if code == KNOWN_ALREADY:
        return Unknown("they know this number already")
    return _order(told, code, order)


def query(account: Account, order: Order) -> Talk:
    """Ask by our own number. Every purchase under it counts: one that was delivered decides."""
    body: Json = {"external_orderno": order.outer_number}
    reply = yield call(account, "order/info", body, order.at, tuple([value for _, value in order.request.accounts]))
    told = _told(reply)
    if isinstance(told, Unknown):
        return told
    code = speech.text_of(told.get("code"))
    return NotFound() if code == NO_SUCH_ORDER else _order(told, code, order)


def _told(reply: Reply) -> Json | Unknown:
    if reply.status != 200:
        return Unknown(f"HTTP {reply.status}")
    return speech.read_json(reply.body) or Unknown("unreadable answer")


def _order(told: Json, code: str, order: Order) -> Answer:
    """The one order in an answer, or of several the one that binds us most."""
    if code not in SUCCESS:
        return Unknown(f"code {code[:20] or 'missing'} is not in our table")
    data = told.get("data")
    rows = data if isinstance(data, list) else [data]
    if isinstance(data, list) and not data:
        return NotFound()
    mine = [row for row in rows if isinstance(row, dict) and row.get("external_orderno") == order.outer_number]
    if not mine:
        return Unknown("the answer is about another order")
    answers = [_state(row, order) for row in mine]
    binding = (Delivered, Accepted, Unknown)
    return min(answers, key=lambda one: binding.index(type(one)) if type(one) in binding else len(binding))


def _state(row: Json, order: Order) -> Answer:
    status, number = speech.text_of(row.get("status")), speech.text_of(row.get("ordersn")) or None
    if status == PROCESSING:
        return Accepted(number, speech.fen_of(row.get("total_price")))
    if status == DONE:
        cards = speech.cards_in(row.get("card_list"), "card_no", "card_password")
        if order.kind == "card_key" and len(cards) != 1:
            return Unknown(f"{len(cards)} cards instead of 1")
        return Delivered(number, cards, speech.fen_of(row.get("total_price")))
    if status == FAILED:
        return speech.failed("recharge", speech.text_of(row.get("recharge_hints")), number)
    return Unknown(f"status {status[:20] or 'missing'} is not in our table")


def balance_call(account: Account, at: datetime) -> Call:
    return call(account, "user/info", {}, at)


def read_balance(account: Account, reply: Reply) -> Balance:
    told = _told(reply)
    if isinstance(told, Unknown):
        return Balance(None, told.why)
    code, data = speech.text_of(told.get("code")), told.get("data")
    if code in SUCCESS and isinstance(data, dict):
        return Balance(speech.fen_of(data.get("balance")))
    return Balance(None, speech.reason(REFUSALS.get(code, "refused"), speech.text_of(told.get("msg")), code))


def parse_callback(account: Account, callback: Callback, at: datetime) -> Heard | Refusal:
    """Trusted when sha1(time + sorted JSON without sign and cards + key) is its `sign`, and it is recent."""
    message = speech.read_json(callback.body)
    if message is None or not speech.text_of(message.get("external_orderno")):
        return Refusal("unreadable")
    stamp, given = speech.text_of(message.get("time")), message.get("sign")
    if not isinstance(given, str) or not _signed(message, stamp, given, account.credentials["key"]):
        return Refusal("unsigned")
    seconds = int(stamp) // (1000 if len(stamp) == 13 else 1) if stamp.isdecimal() and len(stamp) < 14 else 0
    if abs(millis(at) // 1000 - seconds) > FRESH_S:
        return Refusal("stale")
    return Heard(speech.text_of(message["external_orderno"]))


def _signed(message: Json, stamp: str, given: str, key: str) -> bool:
    try:
        text = sorted_json({name: value for name, value in message.items() if name not in UNSIGNED_FIELDS})
    except TypeError:  # a Decimal: amounts are texts in this dialect
        return False
    return hmac.compare_digest(sign(stamp, text, key).encode(), given.strip().lower().encode())


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


DIALECT = Dialect(
    credentials=("user_id", "key"),
    kinds=("top_up", "card_key"),
    submit=submit,
    query=query,
    balance_call=balance_call,
    read_balance=read_balance,
    parse_callback=parse_callback,
    ack="ok",
    hidden=speech.hidden_values("card_no", "card_password", "recharge_account"),
)
