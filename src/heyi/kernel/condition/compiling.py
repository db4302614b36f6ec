"""A tree made into closures over a mapping: quick, three-valued, and able to say why."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from heyi.kernel.condition.model import Const, Leaf, Op, Ref, Tree, Type, Verdict, Window
from heyi.kernel.money import Money

Values = Mapping[str, object]
Test = Callable[[Values], bool | None]
Read = Callable[[Values], object]

PLAIN: dict[Type, type] = {
    Type.TEXT: str,
    Type.WORD: str,
    Type.INTEGER: int,
    Type.MONEY: Money,
    Type.TIME: datetime,
    Type.DURATION: timedelta,
    Type.BOOLEAN: bool,
    Type.SET: frozenset,
}
COMPARE: dict[str, Callable[..., bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Node:
    """One operator of the compiled condition. `kids` are there for and, or, not; leaves know their fields."""

    op: str
    at: str
    test: Test
    kids: tuple[Node, ...] = ()
    names: tuple[str, ...] = ()


def build(tree: Tree, zone: ZoneInfo) -> Node:
    """The node of a statement."""
    if isinstance(tree, Op) and tree.op in _LOGIC:
        kids = tuple([build(arg, zone) for arg in tree.args])
        return Node(tree.op, tree.at, _LOGIC[tree.op](tuple([kid.test for kid in kids])), kids)
    return Node("leaf", tree.at, _test(tree, zone), names=names_of(tree))


def names_of(tree: Tree) -> tuple[str, ...]:
    """The fields that a tree looks at, each once."""
    if isinstance(tree, Ref):
        return (tree.field.name,)
    if isinstance(tree, Const):
        return ()
    return tuple(dict.fromkeys(name for arg in tree.args for name in names_of(arg)))


def explain(node: Node, values: Values) -> Verdict:
    """The verdict with the leaves that decided, each evaluated once."""
    value, leaves = _explained(node, values)
    missing: tuple[str, ...] = ()
    if value is None:
        missing = tuple(dict.fromkeys(name for leaf, _ in leaves for name in leaf.names if values.get(name) is None))
    return Verdict(value, tuple([Leaf(leaf.at, said) for leaf, said in leaves]), missing)


def _explained(node: Node, values: Values) -> tuple[bool | None, list[tuple[Node, bool | None]]]:
    if not node.kids:
        value = node.test(values)
        return value, [(node, value)]
    if node.op == "not":
        value, leaves = _explained(node.kids[0], values)
        return None if value is None else not value, leaves
    decides = node.op == "or"  # one True decides an or, one False an and
    all_of: list[tuple[Node, bool | None]] = []
    unknown: list[tuple[Node, bool | None]] = []
    for kid in node.kids:
        value, leaves = _explained(kid, values)
        if value is decides:
            return value, leaves
        (unknown if value is None else all_of).extend(leaves)
    return (None, unknown) if unknown else (not decides, all_of)


def _and(tests: tuple[Test, ...]) -> Test:
    def test(values: Values) -> bool | None:
        answer: bool | None = True
        for one in tests:
            said = one(values)
            if said is False:
                return False
            if said is None:
                answer = None
        return answer

    return test


def _or(tests: tuple[Test, ...]) -> Test:
    def test(values: Values) -> bool | None:
        answer: bool | None = False
        for one in tests:
            said = one(values)
            if said is True:
                return True
            if said is None:
                answer = None
        return answer

    return test


def _not(tests: tuple[Test, ...]) -> Test:
    (one,) = tests

    def test(values: Values) -> bool | None:
        said = one(values)
        return None if said is None else not said

    return test


_LOGIC = {"and": _and, "or": _or, "not": _not}


def _reader(tree: Tree) -> Read:
    """Reads an operand; None when it is missing, or is not what its field promises."""
    if isinstance(tree, Const):
        value = tree.value
        return lambda _: value
    if isinstance(tree, Op):
        assert tree.op == "elapsed", tree.op  # the only operator that gives a value; reading refuses the others here
        begin, end = _reader(tree.args[0]), _reader(tree.args[1])

        def elapsed(values: Values) -> object:
            first, last = begin(values), end(values)
            if not isinstance(first, datetime) or not isinstance(last, datetime):
                return None
            return last - first

        return elapsed
    name, kind = tree.field.name, PLAIN[tree.type]

    def read(values: Values) -> object:
        value = values.get(name)
        if value.__class__ is kind and kind is not datetime:
            return value
        return _plain(value, kind)

    return read


def _plain(value: object, kind: type) -> object:
    """Subclasses are fine, a bool is no integer, and a time without an offset is none."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return None
    return None if isinstance(value, datetime) and value.tzinfo is None else value


def _test(tree: Tree, zone: ZoneInfo) -> Test:
    if isinstance(tree, Ref):
        return _reader(tree)  # type: ignore[return-value]  # a boolean field
    assert isinstance(tree, Op)
    args = tree.args
    if tree.op == "is_known":
        read = _reader(args[0])
        return lambda values: read(values) is not None
    if tree.op == "within":
        return _within(_reader(args[0]), args[1], zone)
    if tree.op == "between":
        return _between(*(_reader(arg) for arg in args), money=args[0].type is Type.MONEY)
    if tree.op == "in":
        return _in(_reader(args[0]), args[1])
    if tree.op == "contains":
        return _pair(_reader(args[0]), operator.contains, _reader(args[1]))
    if tree.op == "starts_with":
        return _pair(_reader(args[0]), lambda one, head: one.startswith(head), _reader(args[1]))
    if args[0].type is Type.MONEY:
        return _money(_reader(args[0]), COMPARE[tree.op], _reader(args[1]))
    return _pair(_reader(args[0]), COMPARE[tree.op], _reader(args[1]))


def _pair(left: Read, compare: Callable[..., bool], right: Read) -> Test:
    def test(values: Values) -> bool | None:
        one = left(values)
        if one is None:
            return None
        other = right(values)
        return None if other is None else compare(one, other)

    return test


def _money(left: Read, compare: Callable[..., bool], right: Read) -> Test:
    """Amounts of two currencies cannot be compared: not evaluated."""

    def test(values: Values) -> bool | None:
        one, other = left(values), right(values)
        if not isinstance(one, Money) or not isinstance(other, Money) or one.currency != other.currency:
            return None
        return compare(one.amount_minor, other.amount_minor)

    return test


def _between(one: Read, low: Read, high: Read, *, money: bool) -> Test:
    make = _money if money else _pair
    return _and((make(one, operator.ge, low), make(one, operator.le, high)))


def _in(one: Read, const: Tree) -> Test:
    assert isinstance(const, Const)
    assert isinstance(const.value, tuple)
    if const.type is Type.MONEY:  # an amount in another currency is not evaluated, whatever else is in the list
        members = [_reader(Const(Type.MONEY, member, const.at)) for member in const.value]
        return _or(tuple([_money(one, operator.eq, member) for member in members]))
    among = frozenset(const.value)

    def test(values: Values) -> bool | None:
        value = one(values)
        return None if value is None else value in among

    return test


def _within(moment: Read, const: Tree, zone: ZoneInfo) -> Test:
    assert isinstance(const, Const)
    assert isinstance(const.value, Window)
    window = const.value

    def test(values: Values) -> bool | None:
        at = moment(values)
        return window.holds(at, zone) if isinstance(at, datetime) else None

    return test
