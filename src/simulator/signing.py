"""The suppliers' signatures, written from their documents.

卡速售 and 商腾: lower-case SHA-1 over time + JSON (keys sorted on every level, compact, slashes and Chinese raw) + key.
福禄: lower-case MD5 over the sorted characters of a compact JSON text + secret.
The others say it at their functions.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

UNSIGNED_IN_CALLBACK = ("sign", "card_list", "express_list")


def sorted_json(body: object) -> str:
    """Compact JSON with sorted keys; an empty body, PHP's empty list included, is written `{}`."""
    if not body:
        return "{}"
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def compact_json(body: object) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def kasushou(timestamp: str, body: object, key: str) -> str:
    return hashlib.sha1(f"{timestamp}{sorted_json(body)}{key}".encode()).hexdigest()


def kasushou_callback(message: Mapping[str, object], key: str) -> str:
    """The cards are outside the signature: that is the supplier's own weakness, and clients must know it."""
    signed = {name: value for name, value in message.items() if name not in UNSIGNED_IN_CALLBACK}
    text = sorted_json(signed).replace("/", "\\/")  # their callbacks' PHP escapes slashes, their requests' does not
    return hashlib.sha1(f"{message['time']}{text}{key}".encode()).hexdigest()


def fulu_text(text: str, secret: str) -> str:
    """Sorted by UTF-16 code unit as the supplier's C# does; below U+10000 that is the order of code points."""
    plain = not text or max(text) <= "\uffff"
    characters = sorted(text) if plain else sorted(text, key=_code_units)
    return hashlib.md5(("".join(characters) + secret).encode("utf-8", "surrogatepass")).hexdigest()


def fulu(fields: Mapping[str, object], secret: str) -> str:
    return fulu_text(compact_json({name: value for name, value in fields.items() if name != "sign"}), secret)


def fanchen(fields: Mapping[str, str], order: Sequence[str], key: str) -> str:
    """Upper-case MD5 of `name=value&…&key=` in GBK, in the order that the call fixes; empty fields stay in."""
    text = "&".join(f"{name}={fields.get(name, '')}" for name in order)
    return hashlib.md5(f"{text}&key={key}".encode("gbk", "replace")).hexdigest().upper()


def dujiao_next(secret: str, method: str, path: str, timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over method, path without query, time and the body's MD5, each on its line."""
    text = f"{method}\n{path}\n{timestamp}\n{hashlib.md5(body).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def acg_faka(fields: Mapping[str, str], key: str) -> str:
    """Lower-case MD5 of the sorted fields that are not empty, `name=value&…&key=`, unescaped."""
    signed = (f"{name}={fields[name]}" for name in sorted(fields) if name != "sign" and fields[name] != "")
    return hashlib.md5(("&".join(signed) + f"&key={key}").encode()).hexdigest()


def agiso(fields: Mapping[str, str], secret: str) -> str:
    """MD5 of the secret, then every name and value sorted by name, then the secret again."""
    signed = "".join(f"{name}{fields[name]}" for name in sorted(fields) if name != "sign")
    return hashlib.md5(f"{secret}{signed}{secret}".encode()).hexdigest()


def exact(mine: str, theirs: object) -> bool:
    """For suppliers who mind the case."""
    return isinstance(theirs, str) and hmac.compare_digest(mine.encode(), theirs.encode("utf-8", "replace"))


def kayixin(app_id: str, secret: str, version: str, stamp: str, body: bytes) -> str:
    """Lower-case MD5 of app id, secret, version and time, with the body as it was sent."""
    return _md5(f"{app_id}{secret}{version}{stamp}".encode() + body)


def yiqida(stamp: str, body: bytes, key: str) -> str:
    """Lower-case MD5 of time, the body as it was sent, and key; with no time, the signature of a callback."""
    return _md5(stamp.encode() + body + key.encode())


def pairs(fields: Mapping[str, object]) -> str:
    """`k=v&k=v` in the order of the names, without the signature and without what is empty."""
    filled = ((name, written(value)) for name, value in sorted(fields.items()) if name != "sign")
    return "&".join(f"{name}={value}" for name, value in filled if value.strip())


def fengzhushou(fields: Mapping[str, object], key: str) -> str:
    """Upper-case SHA-1 of the sorted filled fields and `&signKey=`."""
    return hashlib.sha1(f"{pairs(fields)}&signKey={key}".encode()).hexdigest().upper()


def chengquan(fields: Mapping[str, object], key: str) -> str:
    """Upper-case MD5 of the sorted filled fields and `&key=`."""
    return _md5(f"{pairs(fields)}&key={key}".encode()).upper()


def mifeng(fields: Mapping[str, object], secret: str) -> str:
    """Lower-case MD5 of every sorted name and value, empty or not, a list as `Array`, no `datas`; then the secret."""
    signed = ((name, value) for name, value in sorted(fields.items()) if name not in ("sign", "datas"))
    text = "".join(f"{name}{'Array' if isinstance(value, list | dict) else written(value)}" for name, value in signed)
    return _md5(f"{text}{secret}".encode())


def kakayun(fields: Mapping[str, object], key: str) -> str:
    """Lower-case MD5 of the sorted filled fields and the key, with nothing between; lists as compact JSON."""
    return _md5(f"{pairs(fields)}{key}".encode())


def jingzhao(fields: Mapping[str, object], key: str) -> str:
    """Lower-case MD5 of the key and every sorted name and value; what is empty stays out, and so do the cards."""
    signed = sorted((name, value) for name, value in fields.items() if name not in ("sign", "cards") and value != "")
    return _md5((key + "".join(f"{name}{value}" for name, value in signed)).encode())


def written(value: object) -> str:
    """A value as it stands in the request. Numbers must have been read as texts: 15.20 is not 15.2 here."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
    return compact_json(value)


def same(mine: str, theirs: object) -> bool:
    """For suppliers to whom upper or lower case does not matter."""
    return isinstance(theirs, str) and hmac.compare_digest(mine.lower().encode(), theirs.strip().lower().encode())


def _md5(text: bytes) -> str:
    return hashlib.md5(text).hexdigest()


def _code_units(character: str) -> bytes:
    return character.encode("utf-16-be", "surrogatepass")
