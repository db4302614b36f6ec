"""What the decoder says of a body or a query, in words for people: Chinese and English."""

from __future__ import annotations

import re

import msgspec

from heyi.doors import shapes
from heyi.kernel.errors import Kind, Refused

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"(?:missing required|contains unknown) field `(?P<name>.*)`")
_TYPES = {
    "str": ("文本", "a text"), "int": ("整数", "a whole number"), "float": ("数", "a number"),
    "bool": ("true 或 false", "true or false"), "array": ("列表", "a list"), "object": ("对象", "an object"),
    "null": ("null", "null"), "datetime": ("时间", "a time"),
}  # fmt: skip
_FORMS = {
    shapes.CODE_FORM: ("只能用小写字母、数字、- 与 _，至多 64 个", "only a-z, 0-9, - and _, at most 64 of them"),
    shapes.CLEAN_FORM: ("不得含控制字符", "must not hold control characters"),
    shapes.TEXT_FORM: ("不得含控制字符", "must not hold control characters"),
    shapes.ADDRESS_FORM: (
        "须以 http:// 或 https:// 开头，且不含空格",
        "must begin with http:// or https://, without spaces",
    ),
    shapes.CURRENCY_FORM: ("须为三个大写字母，如 CNY", "must be three capital letters, like CNY"),
}
_TIME = "2026-11-22T12:00:00+08:00"
_TYPE = re.compile(r"Expected `(?P<wanted>[\w| ]+)`, got `(?P<got>\w+)`")
_FORM = re.compile(r"Expected `str` matching regex (?P<form>['\"].*['\"])", re.DOTALL)
_SAID = (
    (re.compile(r"Expected `\w+` of length >= (\d+)"), "长度至少为 {0}", "must have a length of at least {0}"),
    (re.compile(r"Expected `\w+` of length <= (\d+)"), "长度至多为 {0}", "must have a length of at most {0}"),
    (re.compile(r"Expected `\w+` >= (\S+)"), "不得小于 {0}", "must be at least {0}"),
    (re.compile(r"Expected `\w+` <= (\S+)"), "不得大于 {0}", "must be at most {0}"),
    (re.compile(r"Object missing required field `(.*)`"), "缺少字段 {0}", "the field {0} is missing"),
    (re.compile(r"Object contains unknown field `(.*)`"), "没有字段 {0}", "there is no field {0}"),
    (re.compile(r"Invalid enum value (.*)"), "不是可选的值：{0}", "not one of the values that may stand here: {0}"),
    (re.compile(r"Invalid RFC3339 encoded datetime"), f"须为时间，如 {_TIME}", f"must be a time like {_TIME}"),
)  # fmt: skip


class BadBody(Refused):
    """The body is not JSON, or does not fit the shape that the route asks for."""

    code, kind = "request.invalid", Kind.INVALID
    zh, en = "{zh}", "{en}"


def misfit(fault: msgspec.ValidationError) -> BadBody:
    """What does not fit a shape, and where."""
    match = _AT.match(str(fault))
    what, path = (match["what"], match["path"] or "") if match else (str(fault), "")
    field_at_fault = _FIELD.search(what)
    name = "/" + field_at_fault["name"].replace("~", "~0").replace("/", "~1") if field_at_fault else ""
    zh, en = words(what[:300])
    return BadBody(pointer(path) + name, zh=zh, en=en)


def words(said: str, choices: tuple[str, ...] = ()) -> tuple[str, str]:
    """(zh, en) of a decoder's message without its place; what is not known here is said as it is. `choices`: the words
    of a closed set, where they are known.
    """
    if choices and said.startswith("Invalid enum value"):
        return f"只能是：{'、'.join(choices)}", f"must be one of: {', '.join(choices)}"
    if typed := _TYPE.fullmatch(said):
        wanted = [_TYPES.get(one.strip(), (one, one)) for one in typed["wanted"].split("|")]
        got = _TYPES.get(typed["got"], (typed["got"], typed["got"]))
        zh, en = (joint.join(one[n] for one in wanted) for n, joint in ((0, "或"), (1, " or ")))
        return f"应为{zh}，而不是{got[0]}", f"must be {en}, not {got[1]}"
    if formed := _FORM.fullmatch(said):
        known = [told for form, told in _FORMS.items() if formed["form"] == repr(form)]
        return known[0] if known else (f"格式须符合 {formed['form']}", f"must have the form {formed['form']}")
    for pattern, zh, en in _SAID:
        if found := pattern.fullmatch(said):
            return zh.format(*found.groups()), en.format(*found.groups())
    return said, said


def pointer(path: str) -> str:
    """A JSON pointer from msgspec's path: `.buyer.phone`, `[0].x`, `[...]` (a dictionary's value)."""
    return "".join(f"/{word}" for word in re.findall(r"[^.\[\]]+|\.\.\.", path) if word)
