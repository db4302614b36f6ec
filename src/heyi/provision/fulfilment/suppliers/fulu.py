"""福禄 v2.

Everything is a POST of JSON to one address, `/api/getway` (their spelling). The signature: the envelope without `sign`
as compact JSON, its characters sorted, the secret behind it, md5. PHP sorts bytes and C# sorts UTF-16 units; the two
agree only inside the basic plane, so other characters are refused before anything is sent. Accepted is not charged:
only a query tells. Callbacks carry no cards. The codes come from public clients and our simulator: beta.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta, timezone

from heyi.kernel.talk import Accepted, Answer, Call, Delivered, NotFound, Reply, Talk, Unknown
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import speech
from heyi.provision.fulfilment.suppliers.speech import Balance, Callback, Dialect, Heard, Json, Order, Refusal

SHANGHAI = timezone(timedelta(hours=8))
METHODS = {"top_up": "fulu.order.direct.add", "card_key": "fulu.order.card.add"}
WORKING, DONE, FAILED = ("untreated", "processing"), "success", "failed"
REFUSALS = {
    "1001": "signature", "1002": "signature", "1003": "clock", "1004": "endpoint", "1005": "request",
    "2001": "balance", "2002": "account",
    "3001": "no_product", "3002": "off_sale", "3003": "sold_out", "3004": "no_product", "3005": "price",
    "3008": "maintenance",
}  # fmt: skip
KNOWN_ALREADY, NO_SUCH_ORDER = "2003", "4001"
OUTER_MAX = 50
# A callback tells when the charge was finished; they repeat it for 75 minutes at most.
FRESH_S = 24 * 60 * 60


def sign(text: str, secret: str) -> str:
    """md5 of the text's sorted characters and the secret, lower case."""
    return hashlib.md5(("".join(sorted(text)) + secret).encode(), usedforsecurity=False).hexdigest()


def call(account: Account, method: str, content: Json, at: datetime, secrets: tuple[str, ...] = ()) -> Call:
    """A signed envelope around `biz_content`, sent as the bytes that it is."""
    key, secret = account.credentials["app_key"], account.credentials["secret"]
    envelope: Json = {
        "app_key": key,
        "method": method,
        "timestamp": at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
        "version": "2.0",
        "format": "json",
        "charset": "utf-8",
        "sign_type": "md5",
        "app_auth_token": "",
        "biz_content": speech.compact(content),
    }
    signature = sign(speech.compact(envelope), secret)
    body = speech.compact({**envelope, "sign": signature}).encode()
    url = f"{account.base_url}/api/getway"
    return Call("POST", url, {"Content-Type": "application/json"}, body, (secret, key, signature, *secrets))


def submit(account: Account, order: Order) -> Talk:
    """Place a direct or a card order. It is only accepted here; the result comes from a query."""
    request = order.request
    main, others = speech.accounts_by_role(request, ("charge_account",))
    if any(ord(character) > 0xFFFF for _, value in request.accounts for character in value):
        return speech.declined("account", "账号含有无法签名的字符", None)
    content: Json = {
        "product_id": speech.number_of(request.product_no),
        "customer_order_no": order.outer_number[:OUTER_MAX],
        "buy_num": 1,
    }
    if request.accounts:
        content = {**content, "charge_account": main, **others}
    secrets = tuple([value for _, value in request.accounts])
    reply = yield call(account, METHODS[order.kind], content, order.at, secrets)
    told = _told(account, reply)
    if isinstance(told, Unknown):
        return told
    code = speech.text_of(told.get("code"))
    if code in REFUSALS:
        return speech.declined(REFUSALS[code], speech.text_of(told.get("message")), code)
    if code == KNOWN_ALREADY:
        return Unknown("they know this number already")
    return _order(told, code, order)


def query(account: Account, order: Order) -> Talk:
    """Ask by our own number."""
    content: Json = {"customer_order_no": order.outer_number}
    secrets = tuple([value for _, value in order.request.accounts])
    reply = yield call(account, "fulu.order.info.get", content, order.at, secrets)
    told = _told(account, reply)
    if isinstance(told, Unknown):
        return told
    code = speech.text_of(told.get("code"))
    return NotFound() if code == NO_SUCH_ORDER else _order(told, code, order)


def _told(account: Account, reply: Reply) -> Json | Unknown:
    """The envelope, once its signature over `result` has been checked."""
    if reply.status != 200:
        return Unknown(f"HTTP {reply.status}")
    told = speech.read_json(reply.body)
    if told is None or not isinstance(told.get("result"), str):
        return Unknown("unreadable answer")
    given = told.get("sign")
    if not isinstance(given, str) or not _same(sign(told["result"], account.credentials["secret"]), given):
        return Unknown("the answer's signature does not hold")
    return told


def _order(told: Json, code: str, order: Order) -> Answer:
    if code != "0":
        return Unknown(f"code {code[:20] or 'missing'} is not in our table")
    result = speech.read_json(told["result"])
    if result is None or result.get("customer_order_no") != order.outer_number:
        return Unknown("the answer is about another order")
    status, number = speech.text_of(result.get("order_status")), speech.text_of(result.get("order_id")) or None
    if status in WORKING:
        return Accepted(number, speech.fen_of(result.get("order_price")))
    if status == DONE:
        cards = speech.cards_in(result.get("cards"), "card_number", "card_pwd")
        if order.kind == "card_key" and len(cards) != 1:
            return Unknown(f"{len(cards)} cards instead of 1")
        return Delivered(number, cards, speech.fen_of(result.get("order_price")))
    if status == FAILED:
        return speech.failed("recharge", speech.text_of(result.get("recharge_description")), number)
    return Unknown(f"status {status[:20] or 'missing'} is not in our table")


def balance_call(account: Account, at: datetime) -> Call:
    return call(account, "fulu.user.info.get", {}, at)


def read_balance(account: Account, reply: Reply) -> Balance:
    told = _told(account, reply)
    if isinstance(told, Unknown):
        return Balance(None, told.why)
    code, result = speech.text_of(told.get("code")), speech.read_json(told["result"])
    if code == "0" and result is not None:
        return Balance(speech.fen_of(result.get("balance")))
    return Balance(None, speech.reason(REFUSALS.get(code, "refused"), speech.text_of(told.get("message")), code))


def parse_callback(account: Account, callback: Callback, at: datetime) -> Heard | Refusal:
    """Trusted when the signature over all its fields holds and the charge was finished within a day."""
    message = speech.read_json(callback.body)
    if message is None or not speech.text_of(message.get("customer_order_no")):
        return Refusal("unreadable")
    given = message.pop("sign", None)
    try:
        signed = isinstance(given, str) and _same(sign(speech.compact(message), account.credentials["secret"]), given)
    except TypeError:  # a Decimal: amounts are texts in this dialect
        signed = False
    if not signed:
        return Refusal("unsigned")
    try:
        finished = datetime.strptime(str(message.get("charge_finish_time")), "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return Refusal("stale")
    if abs((at - finished.replace(tzinfo=SHANGHAI)).total_seconds()) > FRESH_S:
        return Refusal("stale")
    return Heard(speech.text_of(message["customer_order_no"]))


def _same(mine: str, theirs: str) -> bool:
    return hmac.compare_digest(mine.encode(), theirs.strip().lower().encode())


DIALECT = Dialect(
    credentials=("app_key", "secret"),
    kinds=("top_up", "card_key"),
    submit=submit,
    query=query,
    balance_call=balance_call,
    read_balance=read_balance,
    parse_callback=parse_callback,
    ack="SUCCESS",
    hidden=speech.hidden_values("card_number", "card_pwd", "charge_account"),
    callback_in_order=False,
)
