"""Every operator, in the order in which an editor would offer them: what it takes, what it gives, how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heyi.kernel.condition.model import Type

ORDERED = frozenset({Type.INTEGER, Type.MONEY, Type.TIME, Type.DURATION})
TEXTS = frozenset({Type.TEXT, Type.WORD})
EQUAL = ORDERED | TEXTS | {Type.BOOLEAN}
LOGIC = ("and", "or", "not")


@dataclass(frozen=True, slots=True)
class Operator:
    """`takes`: the types that its first argument may have; the others follow from that one. `arguments`: how many
    (None: one or more).
    """

    zh: str
    en: str
    takes: frozenset[Type]
    arguments: int | None = 2
    gives: Type = Type.BOOLEAN


OPERATORS: Mapping[str, Operator] = {
    "and": Operator("全部成立", "all are so", frozenset({Type.BOOLEAN}), None),
    "or": Operator("任一成立", "one of them is so", frozenset({Type.BOOLEAN}), None),
    "not": Operator("不成立", "is not so", frozenset({Type.BOOLEAN}), 1),
    "eq": Operator("等于", "is", EQUAL),
    "ne": Operator("不等于", "is not", EQUAL),
    "lt": Operator("小于（早于）", "is less than (before)", ORDERED),
    "le": Operator("不超过（不晚于）", "is at most (not after)", ORDERED),
    "gt": Operator("大于（晚于）", "is more than (after)", ORDERED),
    "ge": Operator("不少于（不早于）", "is at least (not before)", ORDERED),
    "between": Operator("介于（含两端）", "is between (both ends count)", ORDERED, 3),
    "in": Operator("属于", "is one of", EQUAL - {Type.BOOLEAN}),
    "contains": Operator("包含", "contains", TEXTS | {Type.SET}),
    "starts_with": Operator("以…开头", "starts with", TEXTS),
    "is_known": Operator("已知", "is known", frozenset(Type), 1),
    "within": Operator("在时段内", "is within a window of time", frozenset({Type.TIME})),
    "elapsed": Operator("从…到…的时长", "the time from … to …", frozenset({Type.TIME}), gives=Type.DURATION),
}
