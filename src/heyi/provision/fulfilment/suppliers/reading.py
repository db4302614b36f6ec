"""Reading what others wrote: bytes into fields, paths into values, values into amounts. Nothing is guessed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import parse_qsl

from heyi.provision.fulfilment.suppliers import speech
from heyi.provision.fulfilment.suppliers.speech import Json

_XML_HEAD = re.compile(r"^\s*<\?xml[^>]*\?>")


def at(value: Any, path: str) -> Any:
    """What stands at a path; None when nothing does. The empty path is the value itself."""
    if not path:
        return value
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name[:6]) < len(value):
            value = value[int(name[:6])]
        else:
            return None
    return value


def code_text(value: object) -> str:
    """A code or status as text; true and false are words as well."""
    return ("true" if value else "false") if isinstance(value, bool) else speech.text_of(value).strip()


def decoded(body: bytes, format: str, charset: str) -> Json | None:
    """The fields of an answer or callback; None when it cannot be read."""
    try:
        if format == "json":
            return speech.read_json(body if charset == "utf-8" else body.decode(charset))
        text = body.decode(charset)
        if format == "xml":
            return _xml(text)
        if format == "text":
            return {"text": text.strip()}
        return _form(parse_qsl(text, keep_blank_values=True, strict_parsing=True, encoding=charset, errors="strict"))
    except (ValueError, RecursionError):
        return None


def amount_of(value: object, unit: str) -> int | None:
    """A price or balance in fen."""
    if unit == "yuan":
        return speech.fen_of(value)
    whole = speech.fen_of(value)  # hundredths of what is written
    return None if whole is None else whole // 100 if unit == "fen" else whole // 1000


def _xml(text: str) -> Json | None:
    """Elements as an object: texts, objects, and lists of those that repeat. Documents that define entities are not
    read at all."""
    if "<!" in text.replace("<![CDATA[", ""):
        return None
    try:
        root = ET.fromstring(_XML_HEAD.sub("", text, count=1))
    except ET.ParseError:
        return None
    told = _element(root)
    return told if isinstance(told, dict) else {root.tag: told}


def _element(element: ET.Element) -> Json | str:
    if len(element) == 0:
        return (element.text or "").strip()
    told: Json = {}
    for child in element:
        value = _element(child)
        if child.tag not in told:
            told[child.tag] = value
        elif isinstance(told[child.tag], list):
            told[child.tag].append(value)
        else:
            told[child.tag] = [told[child.tag], value]
    return told


def _form(pairs: list[tuple[str, str]]) -> Json:
    """Fields of a form; `cards[0][no]`, as PHP writes lists and objects, becomes an object with those names."""
    told: Json = {}
    for name, value in pairs:
        head, bracket, rest = name.partition("[")
        if not (bracket and head and rest.endswith("]")):
            told[name] = value
            continue
        inner = told.setdefault(head, {})
        *path, last = rest[:-1].split("][")
        for step in path:
            inner = inner.setdefault(step, {}) if isinstance(inner, dict) else None
        if not isinstance(inner, dict):
            raise ValueError(name)
        inner[last] = value
    return told
