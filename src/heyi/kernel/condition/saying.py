"""A condition as a sentence, in Chinese and English."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from heyi.kernel.condition.model import Const, Op, Ref, Tree, Type, Window
from heyi.kernel.money import Money

# {a}, {b} and {c} are the operands; times have words of their own.
WORDS: dict[str, tuple[str, str]] = {
    "eq": ("{a}为{b}", "{a} is {b}"),
    "ne": ("{a}不为{b}", "{a} is not {b}"),
    "lt": ("{a}小于{b}", "{a} is less than {b}"),
    "le": ("{a}不超过{b}", "{a} is at most {b}"),
    "gt": ("{a}大于{b}", "{a} is more than {b}"),
    "ge": ("{a}不少于{b}", "{a} is at least {b}"),
    "between": ("{a}在{b}与{c}之间（含）", "{a} is between {b} and {c}"),
    "in": ("{a}属于{b}", "{a} is one of {b}"),
    "contains": ("{a}包含{b}", "{a} contains {b}"),
    "starts_with": ("{a}以{b}开头", "{a} starts with {b}"),
    "is_known": ("{a}已知", "{a} is known"),
    "within": ("{a}处于{b}", "{a} is {b}"),
    "elapsed": ("从{a}到{b}的时长", "the time from {a} to {b}"),
}
TIME_WORDS = {
    "lt": ("{a}早于{b}", "{a} is before {b}"),
    "le": ("{a}不晚于{b}", "{a} is not after {b}"),
    "gt": ("{a}晚于{b}", "{a} is after {b}"),
    "ge": ("{a}不早于{b}", "{a} is not before {b}"),
}
WEEKDAYS = (("周一", "Mon"), ("周二", "Tue"), ("周三", "Wed"), ("周四", "Thu"), ("周五", "Fri"), ("周六", "Sat"),
            ("周日", "Sun"))  # fmt: skip
UNITS = ((86_400, "天", "day"), (3_600, "小时", "hour"), (60, "分钟", "minute"))


def say(tree: Tree, zone: ZoneInfo, language: str) -> str:
    """The sentence in "zh" or "en"."""
    place = 0 if language == "zh" else 1
    if isinstance(tree, Ref):
        return tree.field.zh if place == 0 else tree.field.en
    if isinstance(tree, Const):
        return _const(tree.value, zone, place)
    if tree.op in ("and", "or"):
        joint = {"and": ("且", " and "), "or": ("或", " or ")}[tree.op][place]
        return joint.join(_part(arg, zone, language, place) for arg in tree.args)
    if tree.op == "not":
        return f"{('并非', 'not ')[place]}{_bracketed(say(tree.args[0], zone, language), place)}"
    words = TIME_WORDS.get(tree.op, WORDS[tree.op]) if tree.args[0].type is Type.TIME else WORDS[tree.op]
    said = [_operand(tree, arg, zone, language, place) for arg in tree.args]
    return words[place].format(**dict(zip("abc", said, strict=False)))


def _part(tree: Tree, zone: ZoneInfo, language: str, place: int) -> str:
    """An operand of and, or: another one of them stands in brackets."""
    said = say(tree, zone, language)
    return _bracketed(said, place) if isinstance(tree, Op) and tree.op in ("and", "or") else said


def _bracketed(text: str, place: int) -> str:
    return f"（{text}）" if place == 0 else f"({text})"


def _operand(parent: Op, arg: Tree, zone: ZoneInfo, language: str, place: int) -> str:
    """A constant beside a field with named words is said by its name."""
    if isinstance(arg, Const):
        named = next((one.field.words for one in parent.args if isinstance(one, Ref)), {})
        values = arg.value if isinstance(arg.value, tuple) else (arg.value,)
        said = [
            named[value][place] if isinstance(value, str) and value in named else _const(value, zone, place)
            for value in values
        ]
        return ("、", ", ")[place].join(said)
    return say(arg, zone, language)


def _const(value: object, zone: ZoneInfo, place: int) -> str:
    if isinstance(value, bool):
        return (("是", "否"), ("true", "false"))[place][not value]
    if isinstance(value, Money):
        return f" {value} " if place == 0 else str(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(value, timedelta):
        return _length(value, place)
    if isinstance(value, Window):
        return _window(value, zone, place)
    return f"“{value}”" if isinstance(value, str) else f"{value}"


def _length(value: timedelta, place: int) -> str:
    left, said = int(value.total_seconds()), []
    for seconds, zh, en in UNITS:
        count, left = divmod(left, seconds)
        if count:
            said.append(f"{count} {zh}" if place == 0 else f"{count} {en}{'' if count == 1 else 's'}")
    return " ".join(said) or ("0 分钟", "0 minutes")[place]


def _window(window: Window, zone: ZoneInfo, place: int) -> str:
    said = []
    if window.since is not None:
        said.append(("{} 起", "from {}")[place].format(_const(window.since, zone, place)))
    if window.until is not None:
        said.append(("{} 之前", "before {}")[place].format(_const(window.until, zone, place)))
    if window.weekdays:
        said.append(("、", ", ")[place].join(WEEKDAYS[day - 1][place] for day in sorted(window.weekdays)))
    if window.clock is not None:
        said.append(f"{window.clock[0]:%H:%M}–{window.clock[1]:%H:%M}")
    return " ".join(said)
