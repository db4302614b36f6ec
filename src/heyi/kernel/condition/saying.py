"""A condition as a sentence, in Chinese and English: as it is said, and as it is denied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from string import Formatter

from heyi.kernel.condition.model import Catalogue, Const, Op, Ref, Tree, Type, Window

ZH, EN = 0, 1
Words = tuple[str, str]
# {a}, {b} and {c} are the operands; an operator and its denial are each other's.
DENIED = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
TURNED = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}  # with its operands changed about
COMPARED: Mapping[str, Words] = {
    "eq": ("{a}为{b}", "{a} is {b}"),
    "ne": ("{a}不为{b}", "{a} is not {b}"),
    "lt": ("{a}小于{b}", "{a} is less than {b}"),
    "le": ("{a}不超过{b}", "{a} is at most {b}"),
    "gt": ("{a}大于{b}", "{a} is more than {b}"),
    "ge": ("{a}不少于{b}", "{a} is at least {b}"),
}
TIMES: Mapping[str, Words] = {
    **COMPARED,
    "lt": ("{a}早于{b}", "{a} is before {b}"),
    "le": ("{a}不晚于{b}", "{a} is not after {b}"),
    "gt": ("{a}晚于{b}", "{a} is after {b}"),
    "ge": ("{a}不早于{b}", "{a} is not before {b}"),
}
STATEMENTS: Mapping[str, Words] = {
    "eq": ("{a}当且仅当{b}", "{a} if and only if {b}"),
    "ne": ("{a}与{b}恰有一个成立", "either {a} or {b}, but not both"),
}
# Said, denied. `…/set` and `…/boolean` are for operands of these types.
OTHERS: Mapping[str, tuple[Words, Words]] = {
    "between": (
        ("{a}在{b}与{c}之间（含）", "{a} is between {b} and {c}"),
        ("{a}不在{b}与{c}之间（含）", "{a} is not between {b} and {c}"),
    ),
    "in": (("{a}属于{b}", "{a} is one of {b}"), ("{a}不属于{b}", "{a} is none of {b}")),
    "contains": (("{a}包含{b}", "{a} contains {b}"), ("{a}不包含{b}", "{a} does not contain {b}")),
    "contains/set": (("{a}包含{b}", "{b} is among {a}"), ("{a}不包含{b}", "{b} is not among {a}")),
    "starts_with": (("{a}以{b}开头", "{a} starts with {b}"), ("{a}不以{b}开头", "{a} does not start with {b}")),
    "is_known": (("{a}已知", "{a} is known"), ("{a}未知", "{a} is not known")),
    "is_known/boolean": (
        ("{a}与否已知", "it is known whether {a}"),
        ("{a}与否未知", "it is not known whether {a}"),
    ),
    "within": (("{a}在{b}", "{a} is {b}"), ("{a}不在{b}", "{a} is not {b}")),
    "elapsed": (("从{a}到{b}", "the time from {a} to {b}"), ("", "")),
}
WEEKDAYS: tuple[Words, ...] = (
    ("周一", "Monday"), ("周二", "Tuesday"), ("周三", "Wednesday"), ("周四", "Thursday"), ("周五", "Friday"),
    ("周六", "Saturday"), ("周日", "Sunday"),
)  # fmt: skip
OWN_DAY: Words = (
    "（星期按该时刻当天计，零点后为次日）",
    "(the weekday is the moment's own: after midnight, the next one)",
)
UNITS = ((86_400, "天", "day"), (3_600, "小时", "hour"), (60, "分钟", "minute"))


def say(tree: Tree, catalogue: Catalogue, language: str, *, denied: bool = False) -> str:
    """The sentence in "zh" or "en", or its denial. Fields are called as this catalogue calls them."""
    return _Speaker(catalogue, ZH if language == "zh" else EN).statement(tree, denied=denied)


class _Speaker:
    def __init__(self, catalogue: Catalogue, place: int) -> None:
        self.catalogue, self.place = catalogue, place

    def statement(self, tree: Tree, *, denied: bool) -> str:
        if isinstance(tree, Ref):
            return self._field(tree, denied=denied)
        assert isinstance(tree, Op)
        if tree.op == "not":
            return self.statement(tree.args[0], denied=not denied)
        if tree.op in ("and", "or"):
            return self._joined(tree, denied=denied)
        if tree.op in COMPARED:
            return self._compared(tree, denied=denied)
        if tree.op == "in" and (only := _only(tree.args[1])) is not None:
            return self._compared(replace(tree, op="eq", args=(tree.args[0], only)), denied=denied)
        words = OTHERS.get(f"{tree.op}/{tree.args[0].type.value}", OTHERS[tree.op])
        return self._fill(words[denied], tree)

    def _joined(self, tree: Op, *, denied: bool) -> str:
        if len(tree.args) == 1:
            return self.statement(tree.args[0], denied=denied)
        parts = [self.statement(arg, denied=False) for arg in tree.args]
        parts = [self._bracketed(said) if _joins(arg) else said for said, arg in zip(parts, tree.args, strict=True)]
        joint: Words = ("且", " and ") if tree.op == "and" else ("或", " or ")
        whole = run([piece for part in parts for piece in (joint[self.place], part)][1:])
        return run([("并非", "it is not so that ")[self.place], self._bracketed(whole)]) if denied else whole

    def _compared(self, tree: Op, *, denied: bool) -> str:
        op, (one, other) = tree.op, tree.args
        if isinstance(one, Const):
            op, one, other = TURNED[op], other, one
        if denied:
            op = DENIED[op]
        if one.type is Type.BOOLEAN:
            if isinstance(other, Const):
                return self.statement(one, denied=(op == "eq") is not other.value)
            return self._fill(STATEMENTS[op], Op(op, (one, other), tree.type, tree.at))
        words = TIMES if one.type is Type.TIME else COMPARED
        return self._fill(words[op], Op(op, (one, other), tree.type, tree.at))

    def _fill(self, words: Words, tree: Op) -> str:
        said = dict(zip("abc", [self._operand(tree, arg) for arg in tree.args], strict=False))
        pieces = [
            piece for literal, name, _, _ in Formatter().parse(words[self.place])
            for piece in (literal, said[name] if name else "")
        ]  # fmt: skip
        return run(pieces)

    def _operand(self, parent: Op, arg: Tree) -> str:
        """A constant beside a field with named words is said by its name."""
        if isinstance(arg, Ref):
            return self._field(arg)
        if isinstance(arg, Op):
            return self._fill(OTHERS[arg.op][0], arg)
        named = next((one.field.words for one in parent.args if isinstance(one, Ref)), {})
        values = arg.value if isinstance(arg.value, tuple) else (arg.value,)
        said = [
            named[value][self.place] if isinstance(value, str) and value in named else self._const(value)
            for value in values
        ]
        return ("、", ", ")[self.place].join(said)

    def _field(self, ref: Ref, *, denied: bool = False) -> str:
        field = self.catalogue.find(ref.field.name) or ref.field
        said = (field.zh, field.en)[self.place]
        if not denied:
            return said
        if field.denial is not None:
            return field.denial[self.place]
        return run([("并非", "it is not so that ")[self.place], said])

    def _bracketed(self, text: str) -> str:
        return f"（{text}）" if self.place == ZH else f"({text})"

    def _const(self, value: object) -> str:
        if isinstance(value, datetime):
            return f"{value.astimezone(self.catalogue.zone):%Y-%m-%d %H:%M}"
        if isinstance(value, timedelta):
            return self._length(value)
        if isinstance(value, Window):
            return self._window(value)
        return f"“{value}”" if isinstance(value, str) else f"{value}"

    def _length(self, value: timedelta) -> str:
        left, said = int(value.total_seconds()), []
        for seconds, zh, en in UNITS:
            count, left = divmod(left, seconds)
            if count:
                said.append((f"{count} {zh}", f"{count} {en}{'' if count == 1 else 's'}")[self.place])
        return (" ", " and ")[self.place].join(said) or ("0 分钟", "0 minutes")[self.place]

    def _window(self, window: Window) -> str:
        said = [self._span(window)] if window.since or window.until else []
        if window.weekdays:
            days = [WEEKDAYS[day - 1][self.place] for day in sorted(window.weekdays)]
            said.append(("或".join(days), f"on a {' or '.join(days)}")[self.place])
        if window.clock is not None:
            begin, end = (f"{at:%H:%M}" for at in window.clock)
            night = window.clock[0] > window.clock[1]
            tail = (f"次日 {end}", f"{end} of the next day") if night else (f" {end}", end)
            said.append((f"{begin} 至{tail[0]} 之间", f"between {begin} and {tail[1]}")[self.place])
            if night and window.weekdays:
                said[-1] += OWN_DAY[self.place] if self.place == ZH else f" {OWN_DAY[self.place]}"
        return ("、", ", ")[self.place].join(said)

    def _span(self, window: Window) -> str:
        since, until = (self._const(at) for at in (window.since, window.until))
        if window.until is None:
            return (f"{since} 及之后", f"at {since} or later")[self.place]
        if window.since is None:
            return (f"{until} 之前", f"before {until}")[self.place]
        return (f"{since} 至 {until} 之间", f"between {since} and {until}")[self.place]


def run(pieces: Iterable[str]) -> str:
    """Pieces in a row; a space where Chinese meets digits or Latin letters."""
    said = ""
    for piece in pieces:
        if said and piece and _chinese(said[-1]) + _chinese(piece[0]) == 1 and _latin(said[-1]) + _latin(piece[0]) == 1:
            said += " "
        said += piece
    return said


def _chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _only(members: Tree) -> Const | None:
    """The one member of a list that has no others."""
    assert isinstance(members, Const)
    assert isinstance(members.value, tuple)
    return replace(members, value=members.value[0]) if len(members.value) == 1 else None


def _joins(tree: Tree) -> bool:
    """Whether several statements stand in it side by side."""
    if not isinstance(tree, Op) or tree.op == "not":
        return False
    if tree.op not in ("and", "or"):
        return tree.op in STATEMENTS and all(isinstance(arg, Ref) and arg.type is Type.BOOLEAN for arg in tree.args)
    return len(tree.args) > 1 or _joins(tree.args[0])
