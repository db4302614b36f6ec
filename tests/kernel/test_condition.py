"""Conditions: whatever form somebody writes is refused with its place, or evaluated as a naive reader would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heyi.kernel import condition
from heyi.kernel.condition import Catalogue, Field, Type
from heyi.kernel.condition.model import DEPTH_MAX, SIZE_MAX
from heyi.kernel.condition.operators import OPERATORS
from heyi.kernel.errors import ManyRefused, Refused
from heyi.kernel.money import Money

ZONE = ZoneInfo("Asia/Shanghai")
T0 = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
FIELDS = Catalogue(
    {
        f.name: f
        for f in (
            Field("bundle", Type.TEXT, "商品", "the bundle"),
            Field("channel", Type.WORD, "渠道", "the channel",
                  {"wechat": ("微信", "WeChat"), "app": ("应用", "the app")}),
            Field("grade", Type.WORD, "等级", "the grade", {"gold": ("金", "gold")}, closed=True),
            Field("quantity", Type.INTEGER, "数量", "the quantity"),
            Field("amount", Type.MONEY, "金额", "the amount"),
            Field("paid_at", Type.TIME, "支付时间", "the time of payment"),
            Field("now", Type.TIME, "现在", "now"),
            Field("age", Type.DURATION, "账龄", "the age"),
            Field("used", Type.BOOLEAN, "已使用", "it was used", denial=("未使用", "it was not used")),
            Field("paid", Type.BOOLEAN, "已支付", "it was paid"),
            Field("price", Type.MONEY, "标价", "the price", currency="CNY"),
            Field("accounts", Type.SET, "账号", "the accounts"),
        )
    },
    ZONE,
)  # fmt: skip


def ref(name: str) -> dict[str, Any]:
    return {"field": name}


def op(name: str, *args: Any) -> dict[str, Any]:
    return {"op": name, "args": list(args)}


def cny(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "CNY"}


# What the fields may hold: few values, so that they often meet their constants.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bundle": st.sampled_from(["joint", "joint-year", "solo"]),
    "channel": st.sampled_from(["wechat", "app"]),
    "grade": st.sampled_from(["gold", "gone"]),
    "quantity": st.integers(0, 3),
    "amount": st.builds(Money, st.integers(0, 2), st.sampled_from(["CNY", "USD"])),
    "paid_at": st.integers(0, 3).map(lambda hours: T0 + timedelta(hours=hours)),
    "now": st.integers(0, 3).map(lambda hours: T0 + timedelta(hours=hours)),
    "age": st.integers(0, 3).map(lambda days: timedelta(days=days)),
    "used": st.booleans(),
    "accounts": st.frozensets(st.sampled_from(["phone", "qq"])),
}
CONSTANTS: dict[str, st.SearchStrategy[Any]] = {
    "bundle": st.sampled_from(["joint", "joint-year", "solo"]),
    "channel": st.sampled_from(["wechat", "app", "elsewhere"]),
    "grade": st.just("gold"),
    "quantity": st.integers(0, 3),
    "amount": st.integers(0, 2).map(cny),
    "paid_at": st.integers(0, 3).map(lambda hours: (T0 + timedelta(hours=hours)).isoformat()),
    "now": st.integers(0, 3).map(lambda hours: (T0 + timedelta(hours=hours)).isoformat()),
    "age": st.integers(0, 3).map(lambda days: {"days": days}),
    "used": st.booleans(),
}
WINDOWS = st.one_of(
    st.tuples(st.integers(0, 11), st.integers(12, 23)).map(lambda h: {"from": f"{h[0]:02}:30", "to": f"{h[1]:02}:00"}),
    st.tuples(st.integers(12, 23), st.integers(0, 11)).map(lambda h: {"from": f"{h[0]:02}:30", "to": f"{h[1]:02}:00"}),
    st.lists(st.integers(1, 7), min_size=1, max_size=3).map(lambda days: {"weekdays": days}),
    st.integers(0, 3).map(lambda h: {"since": (T0 + timedelta(hours=h)).isoformat()}),
    st.integers(0, 3).map(lambda h: {"until": (T0 + timedelta(hours=h)).isoformat()}),
)
ORDERED = ("quantity", "amount", "paid_at", "now", "age")


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["eq", "order", "between", "in", "contains", "starts", "known", "within", "elapsed",
                                 "used", "turned"]))  # fmt: skip
    if kind == "eq":
        name = draw(st.sampled_from(sorted(CONSTANTS)))
        return op(draw(st.sampled_from(["eq", "ne"])), ref(name), draw(CONSTANTS[name]))
    name = draw(st.sampled_from(ORDERED))
    comparison = draw(st.sampled_from(["lt", "le", "gt", "ge"]))
    if kind == "order":
        return op(comparison, ref(name), draw(CONSTANTS[name]))
    if kind == "turned":
        return op(comparison, draw(CONSTANTS[name]), ref(name))
    if kind == "between":
        return op("between", ref(name), draw(CONSTANTS[name]), draw(CONSTANTS[name]))
    if kind == "in":
        among = draw(st.sampled_from(["channel", "amount"]))
        return op("in", ref(among), draw(st.lists(CONSTANTS[among], min_size=1, max_size=3)))
    if kind == "contains":
        return draw(st.sampled_from([op("contains", ref("accounts"), "qq"), op("contains", ref("bundle"), "year")]))
    if kind == "starts":
        return op("starts_with", ref("bundle"), "joint")
    if kind == "known":
        return op("is_known", ref(draw(st.sampled_from(sorted(VALUES)))))
    if kind == "within":
        return op("within", ref("now"), draw(WINDOWS))
    if kind == "elapsed":
        return op(comparison, op("elapsed", ref("paid_at"), ref("now")), {"hours": draw(st.integers(0, 3))})
    return ref("used")


def forms() -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves(),
        lambda kids: st.one_of(
            kids.map(lambda kid: op("not", kid)),
            st.tuples(st.sampled_from(["and", "or"]), st.lists(kids, min_size=1, max_size=3)).map(
                lambda pair: op(pair[0], *pair[1])
            ),
        ),
        max_leaves=8,
    ).filter(lambda form: not condition.check(form, FIELDS))


worlds = st.fixed_dictionaries({}, optional=VALUES)  # type: ignore[arg-type]


def naive(form: Any, world: dict[str, Any]) -> bool | None:
    """What a patient reader makes of it: everything evaluated, nothing compiled."""
    if "field" in form:
        return world.get(form["field"])
    name, args = form["op"], form["args"]
    if name in ("and", "or", "not"):
        said = [naive(arg, world) for arg in args]
        if name == "not":
            return None if said[0] is None else not said[0]
        wins = name == "or"
        return wins if wins in said else None if None in said else not wins
    if name == "is_known":
        return world.get(args[0]["field"]) is not None
    typed = next(_field(arg) for arg in args if isinstance(arg, dict) and ("field" in arg or "op" in arg))
    if name == "within":
        at = world.get(args[0]["field"])
        return None if at is None else _inside(at, args[1])
    if name == "in" and typed == "amount":
        said = [naive(op("eq", args[0], one), world) for one in args[1]]
        return True if True in said else None if None in said else False
    values = [_value(arg, typed, world) for arg in args]
    if any(value is None for value in values):
        return None
    if isinstance(values[0], Money) and len({money.currency for money in values}) > 1:
        if name == "between":  # each end for itself: a no of one end is a no
            return _kleene_between(*values)
        return None
    plain = [value.amount_minor if isinstance(value, Money) else value for value in values]
    return {
        "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
        "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b, "between": lambda a, b, c: b <= a <= c,
        "in": lambda a, b: a in b, "contains": lambda a, b: b in a, "starts_with": lambda a, b: a.startswith(b),
    }[name](*plain)  # fmt: skip


def _kleene_between(one: Money, low: Money, high: Money) -> bool | None:
    said = [None if m.currency != one.currency else c for m, c in
            ((low, one.amount_minor >= low.amount_minor), (high, one.amount_minor <= high.amount_minor))]  # fmt: skip
    return False if False in said else None if None in said else True


def _field(arg: Any) -> str:
    return "age" if "op" in arg else arg["field"]


def _value(arg: Any, typed: str, world: dict[str, Any]) -> Any:
    if isinstance(arg, dict) and "field" in arg:
        return world.get(arg["field"])
    if isinstance(arg, dict) and "op" in arg:
        first, last = (world.get(one["field"]) for one in arg["args"])
        return None if first is None or last is None else last - first
    if typed in ("paid_at", "now"):
        return datetime.fromisoformat(arg)
    if typed == "age":
        return timedelta(**arg)
    return Money(**arg) if typed == "amount" else arg


def _inside(at: datetime, window: dict[str, Any]) -> bool:
    local = at.astimezone(ZONE)
    if "weekdays" in window:
        return local.isoweekday() in window["weekdays"]
    if "since" in window:
        return at >= datetime.fromisoformat(window["since"])
    if "until" in window:
        return at < datetime.fromisoformat(window["until"])
    begin, end, clock = window["from"], window["to"], f"{local:%H:%M}"
    return begin <= clock < end if begin < end else clock >= begin or clock < end


@given(forms(), worlds)
def test_a_compiled_condition_says_what_a_naive_reader_says(form: Any, world: dict[str, Any]) -> None:
    made = condition.compile(form, FIELDS)
    said = naive(form, world)
    assert made.decide(world) is said
    verdict = made.explain(world)
    assert verdict.value is said
    assert verdict.because
    if said is None:
        assert all(leaf.value is None for leaf in verdict.because)
        assert verdict.missing or any(isinstance(value, Money) for value in world.values())
        assert all(name not in world for name in verdict.missing)
    else:
        assert not verdict.missing
        assert all(leaf.value is not None for leaf in verdict.because)
    for leaf in verdict.because:
        said = [made.sentence("zh", leaf.pointer, denied=denied) for denied in (False, True)]
        assert any(one in made.sentence("zh") for one in said)


@given(forms(), forms(), worlds)
def test_kleene(one: Any, other: Any, world: dict[str, Any]) -> None:
    """De Morgan, double negation, order does not matter, and more knowledge never turns a yes into a no."""

    def said(form: Any, of: dict[str, Any] = world) -> bool | None:
        return condition.compile(form, FIELDS).decide(of)

    both = op("and", one, other)
    if condition.check(op("not", op("and", op("not", op("not", both)), one)), FIELDS):
        return  # too large for this play
    assert said(op("not", op("not", one))) is said(one)
    assert said(op("not", both)) is said(op("or", op("not", one), op("not", other)))
    assert said(both) is said(op("and", other, one))
    assert said(op("or", one, other)) is said(op("or", other, one))
    assert said(op("and", one, one)) is said(one)


@given(forms().filter(lambda form: "is_known" not in str(form)), worlds, worlds)
def test_knowing_more_overturns_nothing(form: Any, known: dict[str, Any], more: dict[str, Any]) -> None:
    made = condition.compile(form, FIELDS)
    before = made.decide(known)
    assert before is None or made.decide({**more, **known}) is before


GOOD = op("and", op("eq", ref("quantity"), 1), op("not", ref("used")))
BAD = [
    # form, (code, pointer) of its faults
    (5, [("malformed", "")]),
    ([], [("malformed", "")]),
    ({"op": "and"}, [("malformed", "")]),
    ({**GOOD, "more": 1}, [("malformed", "")]),
    ({"op": "and", "args": 3}, [("malformed", "/args")]),
    (op("and"), [("argument_count", "/args")]),
    (op("not", ref("used"), ref("used")), [("argument_count", "/args")]),
    (op("xor", ref("used")), [("operator_unknown", "/op")]),
    ({"op": {}, "args": []}, [("operator_unknown", "/op")]),
    (ref("nobody"), [("field_unknown", "/field")]),
    (ref("quantity"), [("type", "")]),
    (op("and", ref("quantity"), ref("nobody")), [("type", "/args/0"), ("field_unknown", "/args/1/field")]),
    (op("eq", 1, 1), [("malformed", "/args")]),
    (op("eq", ref("quantity"), "1"), [("constant", "/args/1")]),
    (op("eq", ref("quantity"), True), [("constant", "/args/1")]),
    (op("eq", ref("quantity"), ref("bundle")), [("type", "/args/1")]),
    (op("lt", ref("bundle"), "a"), [("type", "/args/0")]),
    (op("eq", op("not", ref("used")), True), [("type", "/args/0")]),
    (op("ne", ref("used"), op("and", ref("used"))), [("type", "/args/1")]),
    (op("eq", op("is_known", ref("used")), op("ge", ref("quantity"), 1)), [("type", "/args/0"), ("type", "/args/1")]),
    (op("gt", ref("price"), {"amount_minor": 1, "currency": "USD"}), [("currency", "/args/1")]),
    (op("in", ref("price"), [cny(1), {"amount_minor": 1, "currency": "USD"}]), [("currency", "/args/1/1")]),
    (op("within", ref("now"), {"from": "T0930", "to": "10:00"}), [("constant", "/args/1")]),
    (op("eq", ref("accounts"), "a"), [("type", "/args/0")]),
    (op("gt", ref("amount"), 99), [("constant", "/args/1")]),
    (op("gt", ref("amount"), {"amount_minor": 1.5, "currency": "CNY"}), [("constant", "/args/1")]),
    (op("gt", ref("paid_at"), "2026-11-22T12:00:00"), [("constant", "/args/1")]),
    (op("gt", ref("paid_at"), "soon"), [("constant", "/args/1")]),
    (op("gt", ref("age"), {"days": -1}), [("constant", "/args/1")]),
    (op("gt", ref("age"), {"fortnights": 1}), [("constant", "/args/1")]),
    (op("eq", ref("grade"), "silver"), [("constant", "/args/1")]),
    (op("in", ref("channel"), []), [("constant", "/args/1")]),
    (op("in", ref("channel"), "wechat"), [("constant", "/args/1")]),
    (op("in", ref("channel"), ["app", 3]), [("constant", "/args/1/1")]),
    (op("in", "app", ["app"]), [("malformed", "/args/0")]),
    (op("contains", ref("quantity"), "a"), [("type", "/args/0")]),
    (op("contains", ref("accounts"), 3), [("constant", "/args/1")]),
    (op("starts_with", ref("bundle"), ""), [("constant", "/args/1")]),
    (op("eq", ref("bundle"), "no\x00text"), [("constant", "/args/1")]),
    (op("between", ref("quantity"), 1, "2"), [("constant", "/args/2")]),
    (op("is_known", op("not", ref("used"))), [("type", "/args/0")]),
    (op("within", ref("now"), {}), [("constant", "/args/1")]),
    (op("within", ref("now"), {"from": "09:00"}), [("constant", "/args/1")]),
    (op("within", ref("now"), {"from": "09:00", "to": "09:00"}), [("constant", "/args/1")]),
    (op("within", ref("now"), {"weekdays": [0]}), [("constant", "/args/1")]),
    (op("within", ref("quantity"), {"weekdays": [1]}), [("type", "/args/0")]),
    (op("elapsed", ref("paid_at"), ref("now")), [("type", "")]),
    (op("lt", op("elapsed", ref("paid_at"), ref("age")), {"days": 1}), [("type", "/args/0/args/1")]),
    (op("or", op("eq", ref("quantity"), "1"), op("and", op("gt", ref("x"), 1), ref("used"))),
     [("constant", "/args/0/args/1"), ("field_unknown", "/args/1/args/0/args/0/field")]),
]  # fmt: skip


@pytest.mark.parametrize(("form", "faults"), BAD, ids=str)
def test_every_fault_is_named_with_its_place(form: Any, faults: list[tuple[str, str]]) -> None:
    found = condition.check(form, FIELDS)
    assert [(fault.code.removeprefix("condition."), fault.pointer) for fault in found] == faults
    assert all(fault.sentence("zh") and fault.sentence("en") for fault in found)
    with pytest.raises(ManyRefused if len(faults) > 1 else type(found[0])):
        condition.compile(form, FIELDS)


def test_a_form_is_bounded_in_depth_and_size() -> None:
    deep: Any = ref("used")
    for _ in range(DEPTH_MAX - 1):
        deep = op("not", deep)
    assert not condition.check(deep, FIELDS)
    (fault,) = condition.check(op("not", deep), FIELDS)
    assert fault.code == "condition.too_large"
    wide = op("in", ref("channel"), ["app"] * SIZE_MAX)
    assert [fault.code for fault in condition.check(wide, FIELDS)] == ["condition.too_large"]
    endless: Any = op("and")
    endless["args"].append(endless)
    assert [fault.code for fault in condition.check(endless, FIELDS)] == ["condition.too_large"]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(sorted(VALUES)),
    lambda kids: st.one_of(
        st.lists(kids, max_size=3),
        st.dictionaries(st.sampled_from(["op", "args", "field", "from", "to", "days", "weekdays"]), kids, max_size=3),
        st.builds(lambda name, args: {"op": name, "args": args}, st.sampled_from(sorted(OPERATORS)),
                  st.lists(kids, max_size=3)),
        st.sampled_from(sorted(VALUES)).map(ref),
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON, worlds)
def test_whatever_is_written_is_refused_or_runs(form: Any, world: dict[str, Any]) -> None:
    found = condition.check(form, FIELDS)
    assert all(isinstance(fault, Refused) and fault.pointer is not None for fault in found)
    if not found:
        made = condition.compile(form, FIELDS)
        assert made.decide(world) in (True, False, None)
        assert made.sentence("zh")
        assert made.sentence("en")


@given(forms())
def test_values_of_the_wrong_kind_are_not_evaluated(form: Any) -> None:
    """A caller's mistake makes a rule silent, never a crash in the middle of an order."""
    made = condition.compile(form, FIELDS)
    for wrong in (object(), 1.5, [], T0.replace(tzinfo=None)):
        world = dict.fromkeys(VALUES, wrong)
        assert made.decide(world) is made.explain(world).value is None or "is_known" in str(form)


# As it is said, and as it is denied.
SENTENCES = {
    "and": (op("and", ref("used"), op("eq", ref("quantity"), 1)),
            "已使用且数量为 1", "it was used and the quantity is 1",
            "并非（已使用且数量为 1）", "it is not so that (it was used and the quantity is 1)"),
    "or": (op("or", ref("used"), op("and", ref("paid"), op("eq", ref("bundle"), "solo"))),
           "已使用或（已支付且商品为“solo”）", "it was used or (it was paid and the bundle is “solo”)",
           "并非（已使用或（已支付且商品为“solo”））",
           "it is not so that (it was used or (it was paid and the bundle is “solo”))"),
    "not": (op("not", ref("used")), "未使用", "it was not used", "已使用", "it was used"),
    "eq": (op("eq", ref("channel"), "app"), "渠道为应用", "the channel is the app", "渠道不为应用",
           "the channel is not the app"),
    "ne": (op("ne", ref("used"), True), "未使用", "it was not used", "已使用", "it was used"),
    "lt": (op("lt", ref("paid_at"), "2026-11-22T12:00:00+08:00"),
           "支付时间早于 2026-11-22 12:00", "the time of payment is before 2026-11-22 12:00",
           "支付时间不早于 2026-11-22 12:00", "the time of payment is not before 2026-11-22 12:00"),
    "le": (op("le", ref("age"), {"days": 1, "hours": 2}),
           "账龄不超过 1 天 2 小时", "the age is at most 1 day and 2 hours",
           "账龄大于 1 天 2 小时", "the age is more than 1 day and 2 hours"),
    "gt": (op("gt", ref("amount"), cny(9900)), "金额大于 99.00 CNY", "the amount is more than 99.00 CNY",
           "金额不超过 99.00 CNY", "the amount is at most 99.00 CNY"),
    "ge": (op("ge", 2, ref("quantity")), "数量不超过 2", "the quantity is at most 2", "数量大于 2",
           "the quantity is more than 2"),
    "between": (op("between", ref("quantity"), 1, 3), "数量在 1 与 3 之间（含）", "the quantity is between 1 and 3",
                "数量不在 1 与 3 之间（含）", "the quantity is not between 1 and 3"),
    "in": (op("in", ref("channel"), ["app", "wechat"]), "渠道属于应用、微信", "the channel is one of the app, WeChat",
           "渠道不属于应用、微信", "the channel is none of the app, WeChat"),
    "contains": (op("contains", ref("accounts"), "qq"), "账号包含“qq”", "“qq” is among the accounts",
                 "账号不包含“qq”", "“qq” is not among the accounts"),
    "starts_with": (op("starts_with", ref("bundle"), "j"), "商品以“j”开头", "the bundle starts with “j”",
                    "商品不以“j”开头", "the bundle does not start with “j”"),
    "is_known": (op("is_known", ref("amount")), "金额已知", "the amount is known", "金额未知",
                 "the amount is not known"),
    "within": (op("within", ref("now"), {"weekdays": [6, 7], "from": "09:00", "to": "18:00"}),
               "现在在周六或周日、09:00 至 18:00 之间", "now is on a Saturday or Sunday, between 09:00 and 18:00",
               "现在不在周六或周日、09:00 至 18:00 之间",
               "now is not on a Saturday or Sunday, between 09:00 and 18:00"),
    "elapsed": (op("lt", op("elapsed", ref("paid_at"), ref("now")), {"days": 3}),
                "从支付时间到现在小于 3 天", "the time from the time of payment to now is less than 3 days",
                "从支付时间到现在不少于 3 天", "the time from the time of payment to now is at least 3 days"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_can_be_said(name: str) -> None:
    form, *words = SENTENCES[name]
    made = condition.compile(form, FIELDS)
    said = [made.sentence(language, denied=denied) for denied in (False, True) for language in ("zh", "en")]
    assert said == words


ODD = {
    "a statement that is known": (op("is_known", ref("used")), "已使用与否已知", "it is known whether it was used"),
    "no denial of its own": (op("not", ref("paid")), "并非已支付", "it is not so that it was paid"),
    "denied by a constant": (op("eq", False, ref("used")), "未使用", "it was not used"),
    "two statements": (op("eq", ref("used"), ref("paid")), "已使用当且仅当已支付",
                       "it was used if and only if it was paid"),
    "one of two": (op("and", op("ne", ref("used"), ref("paid")), ref("paid")), "（已使用与已支付恰有一个成立）且已支付",
                   "(either it was used or it was paid, but not both) and it was paid"),
    "brackets around one": (op("or", op("and", ref("used")), ref("paid")), "已使用或已支付",
                            "it was used or it was paid"),
    "a list of one": (op("in", ref("quantity"), [2]), "数量为 2", "the quantity is 2"),
    "a span": (op("within", ref("now"), {"since": "2026-11-22T00:00:00+08:00", "until": "2026-11-23T00:00:00+08:00"}),
               "现在在 2026-11-22 00:00 至 2026-11-23 00:00 之间",
               "now is between 2026-11-22 00:00 and 2026-11-23 00:00"),
    "from then on": (op("within", ref("now"), {"since": "2026-11-22T00:00:00+08:00"}), "现在在 2026-11-22 00:00 及之后",
                     "now is at 2026-11-22 00:00 or later"),
    "a night": (op("within", ref("now"), {"weekdays": [6], "from": "22:00", "to": "06:00"}),
                "现在在周六、22:00 至次日 06:00 之间（星期按该时刻当天计，零点后为次日）",
                "now is on a Saturday, between 22:00 and 06:00 of the next day (the weekday is the moment's own: after"
                " midnight, the next one)"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_said_otherwise_than_it_is_written(name: str) -> None:
    form, zh, en = ODD[name]
    assert (condition.sentence(form, FIELDS, "zh"), condition.sentence(form, FIELDS, "en")) == (zh, en)


def test_it_says_why() -> None:
    form = op("and", op("ge", ref("quantity"), 2), op("or", ref("used"), op("gt", ref("amount"), cny(5000))))
    made = condition.compile(form, FIELDS)
    no = made.explain({"quantity": 1})
    assert (no.value, [leaf.pointer for leaf in no.because], no.missing) == (False, ["/args/0"], ())
    unsure = made.explain({"quantity": 2, "used": False})
    assert (unsure.value, unsure.missing) == (None, ("amount",))
    assert made.sentence("en", unsure.because[0].pointer) == "the amount is more than 50.00 CNY"
    yes = made.explain({"quantity": 2, "used": False, "amount": Money(6000, "CNY")})
    assert (yes.value, [leaf.pointer for leaf in yes.because]) == (True, ["/args/0", "/args/1/args/1"])
    assert made.fields == ("quantity", "used", "amount")
