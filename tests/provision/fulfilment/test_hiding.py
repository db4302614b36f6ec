"""What is secret in a text is not kept, however it was written; everything else stays as it came, to the byte."""

from __future__ import annotations

import base64
import html
import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.provision.fulfilment.fuzzing import quick

from heyi.infra.http import Heard
from heyi.kernel.ids import new_id
from heyi.kernel.talk import Answer, Call, Delivered, Reply, Unknown
from heyi.provision.fulfilment import calls, masking
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import DIALECTS
from heyi.provision.fulfilment.suppliers.hiding import Hidden

NAMES = ("card_pwd", "cards", "卡密", "p")
HIDDEN = Hidden(NAMES)
# What cards are made of, and what stands around them in the formats that suppliers speak.
SECRETS = st.text("ABZ019-_ []{}<>\"'\\/&=+%;:,.~#\n王卡", min_size=1, max_size=30).map(
    lambda text: f"S3CRET{text}T4IL"
)
OPEN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text("xyz \"'\\/&=<>[]{}%王", max_size=12),
    st.dictionaries(st.sampled_from(["card_no", "card", "pwd", "x", "sp"]), st.text("xyz\"\\", max_size=4), max_size=3),
)  # fmt: skip


def kept(
    code: str,
    body: bytes,
    answer: Answer | None = None,
    *,
    key: str = "kasu-secret-key-0123",
    type: str = "application/json",
) -> str:
    """What is kept of an answer of this body."""
    dialect = DIALECTS[code]
    credentials = {one.name: key if one.secret else "10001" for one in dialect.credentials}
    account = Account(new_id(1), "s", code, "http://x", credentials, "", 1000, 0, 0, dialect)
    heard = Heard(Call("POST", "http://x/", {}, b""), Reply(200, {"content-type": type}, body), "", 1)
    (one,) = masking.exchanges(account, [heard], datetime.now(UTC), answer=answer)
    assert one.response is not None
    return one.response


def clean(text: str) -> None:
    assert "S3CRET" not in text, text
    assert "T4IL" not in text, text


@st.composite
def documents(draw: Any) -> Any:
    """JSON with something secret below names that are hidden, and something else beside it."""
    secret: Any = draw(SECRETS)
    for _ in range(draw(st.integers(0, 2))):
        secret = draw(st.sampled_from([[secret, 12345, None], {"no": secret, "when": "2027"}, [[secret]]]))
    told: Any = {
        **draw(st.dictionaries(st.text("xyz", max_size=3), OPEN, max_size=3)),
        draw(st.sampled_from(NAMES)): secret,
    }
    return draw(st.sampled_from([told, {"data": [told, told]}, {"result": json.dumps({"list": [told]})},
                                 {"result": json.dumps({"inner": json.dumps(told)}, ensure_ascii=False)}]))  # fmt: skip


@st.composite
def writings(draw: Any) -> str:
    """The same as suppliers write it: JSON of every sort, in a form, in an address, in XML, within other text."""
    told = draw(documents())
    text = json.dumps(
        told, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([(",", ":"), (", ", " : ")]))
    )
    text = draw(st.sampled_from([text, text.replace("/", "\\/"), json.dumps(told, indent=1)]))
    return str(draw(st.sampled_from([
        text, f"1732240000{text}key", urlencode({"code": 1, "data": text, "sign": "f00"}),
        f"<r><d>{escape(text)}</d></r>", f"<r>{html.escape(text)}</r>", quote(quote(text)), f"1\"{text}",
        text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    ])))  # fmt: skip


def test_no_writing_of_json_shows_what_is_hidden() -> None:
    @quick(600)
    @given(text=writings())
    def run(text: str) -> None:
        clean(HIDDEN.blank(text))

    run()


def test_forms_and_xml_show_nothing_either() -> None:
    @quick(300)
    @given(secret=SECRETS, deep=st.booleans())
    def run(secret: str, deep: bool) -> None:
        name = "cards[0][x]" if deep else "a[0][card_pwd]"
        form = urlencode({"code": "1", name: secret, "z": "kept"})
        for text in (
            form,
            form.replace("%5B", "[").replace("%5D", "]"),
            form.replace("%5B", "%5b").replace("%5D", "%5d"),
        ):
            clean(HIDDEN.blank(text))
            assert HIDDEN.blank(text).endswith("=****&z=kept")
        inner = f"<no>{escape(secret)}</no>" if deep else escape(secret)
        tag = "cards" if deep else "card_pwd"
        for text in (f"<{tag}>{inner}</{tag}>", f"<n:{tag} a='1'>{inner}</n:{tag} >", f"<{tag}\n>\n{inner}</{tag}>"):
            clean(HIDDEN.blank(f"<r>{text}<z>kept</z></r>"))
            assert HIDDEN.blank(f"<r>{text}<z>kept</z></r>").endswith("<z>kept</z></r>")
            clean(HIDDEN.blank(json.dumps({"xml": text}).replace("/", "\\/")))
        cdata = secret.replace("]]>", "")
        clean(HIDDEN.blank(f"<{tag}><![CDATA[{cdata}</{tag}>]]></{tag}>"))
        clean(HIDDEN.blank(f'<card card_pwd="{html.escape(secret)}" z="1"/>'))

    run()


def test_what_is_cut_off_anywhere_shows_nothing() -> None:
    """The end of the text closes whatever is open."""

    @quick(300)
    @given(text=writings(), cut=st.floats(0, 1))
    def run(text: str, cut: float) -> None:
        clean(HIDDEN.blank(text[: int(len(text) * cut)] + ""))

    run()


def test_what_is_not_hidden_stays_to_the_byte() -> None:
    nothing = Hidden(("never_there", "nor_this"))

    @quick(300)
    @given(text=writings())
    def run(text: str) -> None:
        assert nothing.blank(text) == text

    run()
    beside = '"y":null,"card_pwd_at":"kept","my_card_pwd":"kept", "cards":[]}'
    text = '{ "z" : [1,2 ,"\\/\\u738b"],\n"card_pwd"\t: "x" , ' + beside
    assert HIDDEN.blank(text) == text.replace('"x"', '"****"')
    assert (
        HIDDEN.blank('{"cards":[{"no":"a","n":7,"ok":null}],"p":true}')
        == '{"cards":[{"no":"****","n":****,"ok":null}],"p":true}'
    )
    assert HIDDEN.blank("p=1&q=2 p=3") == "p=****&q=2 p=****"
    assert HIDDEN.blank('{"p":"****8000"}') == '{"p":"****8000"}', "what is stars already shows the last digits"
    assert HIDDEN.blank('{"p":"****----SECRET"}') == '{"p":"****"}', "stars at its beginning are not enough"


@pytest.mark.parametrize("code", sorted(DIALECTS))
def test_no_shipped_profile_shows_a_delivered_card(code: str) -> None:
    """Delivered or not: neither number nor password, and not their last characters."""
    number, password = "N0123456789-7788", 'Ab&C"d[9]<9XYZ'
    rows = {"card_no": number, "card_password": password, "card_pwd": password, "cardno": number, "cardpsw": password,
            "cardNo": number, "cardPwd": password, "no": number, "password": password, "c": number, "p": password,
            "secret": password, "payload": password, "card_number": number, "carmi": [f"{number}----{password}"],
            "cardlist": [f"卡号 {number} 卡密 {password}"]}  # fmt: skip
    known = {name: value for name, value in rows.items() if name in DIALECTS[code].hidden.names}
    delivered = Delivered("1", ((number, password),))
    for answer in (delivered, Unknown("2 cards instead of 1"), None):
        shown = kept(code, json.dumps({"data": known}, ensure_ascii=False).encode(), answer)
        assert "7788" not in shown, shown
        assert "XYZ" not in shown, shown
    for text in (json.dumps(rows), urlencode(rows), escape(str(rows)), html.escape(str(rows))):
        shown = kept(code, text.encode(), delivered)
        assert number not in shown, shown
        assert "9XYZ" not in shown, shown


def test_a_key_is_hidden_in_every_writing() -> None:
    key = "k+3/y\"odd'<&=Chars-0123456789?~"
    digits = base64.urlsafe_b64encode(key.encode()).decode()
    for text in (
        key, json.dumps(key)[1:-1], json.dumps(key)[1:-1].replace("/", "\\/"), quote(key), quote(key, safe=""),
        quote(key, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d").replace("%22", "%22")
        .replace("%3C", "%3c").replace("%3F", "%3f"), html.escape(key), html.escape(key, quote=False), digits,
        html.escape(key).replace("&#x27;", "&#39;"), base64.b64encode(key.encode()).decode(), key.upper(),
        json.dumps(key)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c"),
    ):  # fmt: skip
        shown = kept("kasushou", json.dumps({"msg": "x"})[:-2].encode() + text.encode(), key=key)
        assert "Chars" not in shown.replace("CHARS", "Chars"), (text, shown)
        assert text not in shown


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "gbk", "utf-8"])
def test_no_charset_shows_it(charset: str) -> None:
    body = json.dumps({"card_password": "S3CRET-T4IL", "note": "王"}, ensure_ascii=False).encode(charset)
    for type in ("application/json", f"application/json; charset={charset}"):
        clean(kept("kasushou", body, type=type))


def test_a_text_that_was_cut_says_so() -> None:
    body = json.dumps({"a": "y" * 9_000, "card_password": "S3CRET-T4IL"})
    shown = kept("kasushou", body.encode())
    clean(shown)
    assert shown == f"{body[:4000]}…[kept 4000 of {len(body)} characters]"


@pytest.mark.parametrize("piece", [
    '"card_pwd":"', '\\"card_pwd\\":\\"', '"card_pwd":[', "<card_pwd>", "<card_pwd", "card_pwd[", "card_pwd=",
    "card_pwd=[", "card_pwd\\", "<![CDATA[", "<cards><!", "\\", '"', "%5B", "\\u0041card_pwd", "&lt;card_pwd", "&#38;",
    "card_pwd ", "<",
])  # fmt: skip
def test_hostile_texts_cost_milliseconds(piece: str) -> None:
    text = ("card_pwd" + piece * masking.SEARCHED_MAX)[: masking.SEARCHED_MAX]
    began = time.process_time()
    HIDDEN.blank(text)
    assert time.process_time() - began < 0.4


def test_what_was_hidden_can_still_be_compared() -> None:
    """A number leaves bare stars behind, which are no JSON."""
    shown = Hidden(("pin", "codes")).blank('{"pin":123456,"codes":[1,"b"],"price":7}')
    assert calls.document(shown) == {"pin": "****", "codes": ["****", "****"], "price": 7}
