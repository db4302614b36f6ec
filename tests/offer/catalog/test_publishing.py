"""Publishing checks a version whole: a table of faults, and where each points."""

from dataclasses import replace

import pytest
from tests.offer.catalog.making import NOW, PHONE, benefit, component, document, faults_of, group

from heyi.kernel.parts import AccountField, Validity
from heyi.offer.catalog.checks import benefit_faults
from heyi.offer.catalog.model import BENEFIT, BUNDLE, OFFER, SOURCES, VERSION, Component, Group, Properties
from heyi.offer.catalog.patterns import pattern_fault

A, B = benefit("a"), benefit("b")
TOP, TOP2 = benefit("t", "top_up"), benefit("t2", "top_up")
VOUCHER = benefit("v", "voucher")
ALL = [A, B, TOP, TOP2, VOUCHER]
AFTER = {"when": "after", "event": "activated", "within_days": 30, "otherwise": "deliver"}


def graph(**nodes):
    return {"start": "a", "nodes": nodes}


def with_graph(made):
    return document(Component("a", "a", weight=1, delivery=made))


DELIVER = {"do": "deliver"}
FAULTS = [
    ("nothing in it", document(), {("version.empty", "/components")}),
    (
        "a code twice",
        document(component("a"), component("a", benefit="b")),
        {("version.code_repeated", "/components/1/code")},
    ),
    (
        "an option's code twice",
        document(component("a"), groups=[group("g", 1, ["a", "b"])]),
        {("version.code_repeated", "/groups/0/options/0/code")},
    ),
    (
        "no weight",
        document(component("a"), component("b", weight=None)),
        {("version.share_missing", "/components/1/weight")},
    ),
    ("all weights zero", document(component("a", weight=0)), {("version.shares", "/components")}),
    ("a negative weight", document(component("a", weight=-1)), {("version.out_of_bounds", "/components/0/weight")}),
    (
        "shares that miss the price",
        document(component("a", weight=None, share_minor=9899)),
        {("version.shares", "/components")},
    ),
    (
        "weights and shares mixed",
        document(component("a", weight=None, share_minor=9900), component("b")),
        {("version.share_missing", "/components/1/share_minor")},
    ),
    (
        "an option with a weight",
        document(groups=[Group("g", "G", 1, (component("a"),), weight=1)]),
        {("version.share_missing", "/groups/0/options/0")},
    ),
    (
        "more picks than options",
        document(groups=[group("g", 3, ["a", "b"])]),
        {("version.choice_impossible", "/groups/0/pick")},
    ),
    ("no picks", document(groups=[group("g", 0, ["a"])]),
     {("version.choice_impossible", "/groups/0/pick"), ("version.shares", "/components")}),
    ("an unknown benefit", document(component("nope")), {("version.benefit_unknown", "/components/0/benefit")}),
    ("no units", document(component("a", quantity=0)), {("version.out_of_bounds", "/components/0/quantity")}),
    ("too many units", document(component("a", quantity=101)), {("version.out_of_bounds", "/components/0/quantity")}),
    ("an odd role", document(component("a", role="main")), {("version.word_unknown", "/components/0/role")}),
    ("an odd setting", document(component("a"), sold_out="panic"), {("version.word_unknown", "/sold_out")}),
    (
        "a mapping for a field nobody asks for",
        document(component("t", accounts={"qq": "qq"})),
        {("version.account_field_unknown", "/components/0/accounts/qq")},
    ),
    (
        "two phones under one name",
        document(component("t"), component("t2")),
        {("version.account_clash", "/components/1/accounts/phone")},
    ),
    (
        "one phone said once only",
        document(component("t"), component("t2", accounts={"phone": "phone"})),
        {("version.account_clash", "/components/1/accounts/phone")},
    ),
    (
        "waiting for nobody",
        document(component("a", when={**AFTER, "component": "x"})),
        {("version.after_unknown", "/components/0/delivery/nodes/first/component")},
    ),
    (
        "waiting for an option",
        document(component("a", when={**AFTER, "component": "b"}), groups=[group("g", 1, ["b"])]),
        {("version.after_unknown", "/components/0/delivery/nodes/first/component")},
    ),
    (
        "waiting for a card key to be redeemed",
        document(component("a"), component("b", when={**AFTER, "component": "a", "event": "redeemed"})),
        {("version.after_unknown", "/components/1/delivery/nodes/first/component")},
    ),
    (
        "waiting for itself",
        document(component("a", when={**AFTER, "component": "a"})),
        {("version.after_circle", "/components/0/delivery")},
    ),
    (
        "waiting for each other",
        document(component("a", when={**AFTER, "component": "b"}), component("b", when={**AFTER, "component": "a"})),
        {("version.after_circle", "/components/0/delivery"), ("version.after_circle", "/components/1/delivery")},
    ),
    (
        "a day that is over",
        document(component("a", when={"when": "at", "at": "2026-11-22T12:00:00+08:00"})),
        {("version.date_in_past", "/components/0/delivery/nodes/first/at")},
    ),
    ("too many items", document(component("a", quantity=10, when={"when": "monthly", "times": 60})),
     {("version.out_of_bounds", "/components")}),
    ("no graph", with_graph({}), {("version.delivery_malformed", "/components/0/delivery/nodes")}),
    ("no start", with_graph({"start": "x", "nodes": {"a": DELIVER}}),
     {("version.delivery_malformed", "/components/0/delivery/start")}),
    ("an odd node", with_graph(graph(a={"do": "dance"})),
     {("version.delivery_malformed", "/components/0/delivery/nodes/a")}),
    ("a step to nowhere", with_graph(graph(a={"do": "split", "times": 2, "then": "x"})),
     {("version.delivery_malformed", "/components/0/delivery/nodes/a/then")}),
    ("no next step", with_graph(graph(a={"do": "wait", "for": "buyer"})),
     {("version.delivery_malformed", "/components/0/delivery/nodes/a/then")}),
    ("a field too many", with_graph(graph(a={"do": "deliver", "then": "a"})),
     {("version.delivery_malformed", "/components/0/delivery/nodes/a/then")}),
    ("61 months", with_graph(graph(a={"do": "split", "times": 61, "then": "b"}, b=DELIVER)),
     {("version.out_of_bounds", "/components/0/delivery/nodes/a/times")}),
    ("0 months", with_graph(graph(a={"do": "split", "times": 0, "then": "b"}, b=DELIVER)),
     {("version.out_of_bounds", "/components/0/delivery/nodes/a/times")}),
    ("no days", with_graph(graph(a={"do": "wait", "for": "days", "days": True, "then": "b"}, b=DELIVER)),
     {("version.out_of_bounds", "/components/0/delivery/nodes/a/days")}),
    ("a time without an offset",
     with_graph(graph(a={"do": "wait", "for": "date", "at": "2027-01-01T00:00:00", "then": "b"}, b=DELIVER)),
     {("version.delivery_malformed", "/components/0/delivery/nodes/a/at")}),
    ("a circle", with_graph(graph(a={"do": "wait", "for": "days", "days": 1, "then": "a"}, b=DELIVER)),
     {("version.delivery_circle", "/components/0/delivery/nodes")}),
    ("a node that nothing leads to", with_graph(graph(a=DELIVER, b=DELIVER)),
     {("version.delivery_malformed", "/components/0/delivery/nodes/b")}),
    ("only cancelled", with_graph(graph(a={"do": "cancel"})),
     {("version.delivery_malformed", "/components/0/delivery/nodes")}),
    ("split again", with_graph(graph(
        a={"do": "split", "times": 2, "then": "b"}, b={"do": "deliver", "failed": "c"},
        c={"do": "split", "times": 2, "then": "d"}, d=DELIVER)),
     {("version.delivery_unsupported", "/components/0/delivery/nodes/a")}),
    ("split in two ways", with_graph(graph(
        a={"do": "condition", "if": {"field": "component.a.delivered"}, "then": "b", "else": "c", "unknown": "d"},
        b={"do": "split", "times": 2, "then": "d"}, c={"do": "split", "times": 3, "then": "d"}, d=DELIVER)),
     {("version.delivery_unsupported", "/components/0/delivery/nodes/c")}),
    ("a condition that cannot be read", with_graph(graph(
        a={"do": "condition", "if": {"op": "gt", "args": [{"field": "order.quantity"}, "2"]}, "then": "b",
           "else": "b", "unknown": "b"}, b=DELIVER)),
     {("condition.constant", "/components/0/delivery/nodes/a/if/args/1")}),
    ("a condition about nobody", with_graph(graph(
        a={"do": "condition", "if": {"field": "component.x.delivered"}, "then": "b", "else": "b", "unknown": "b"},
        b=DELIVER)),
     {("condition.field_unknown", "/components/0/delivery/nodes/a/if/field")}),
    ("a condition that does not say what if unknown", with_graph(graph(
        a={"do": "condition", "if": {"field": "component.a.delivered"}, "then": "b", "else": "b"}, b=DELIVER)),
     {("version.delivery_malformed", "/components/0/delivery/nodes/a/unknown")}),
    ("a deadline without an else", with_graph(graph(
        a={"do": "wait", "for": "buyer", "within_days": 3, "then": "b"}, b=DELIVER)),
     {("version.delivery_malformed", "/components/0/delivery/nodes/a/else")}),
    ("a notice in one language", with_graph(graph(a={"do": "notify", "title": {"zh": "好"}, "then": "b"}, b=DELIVER)),
     {("version.delivery_malformed", "/components/0/delivery/nodes/a/title")}),
    ("a component that chooses", with_graph(graph(a={"do": "choose", "within_days": 3, "default": ["a"]})),
     {("version.delivery_malformed", "/components/0/delivery/nodes"),
      ("version.delivery_unsupported", "/components/0/delivery/nodes/a")}),
    ("a choice with too few defaults", document(groups=[replace(
        group("g", 2, ["a", "b", "v"]), delivery=graph(a={"do": "choose", "within_days": 3, "default": ["a"]}))]),
     {("version.delivery_malformed", "/groups/0/delivery/nodes/a/default")}),
    ("a choice that delivers", document(groups=[replace(group("g", 1, ["a", "b"]), delivery=graph(
        a={"do": "condition", "if": {"field": "component.a.delivered"}, "then": "b", "else": "c", "unknown": "c"},
        b={"do": "choose", "within_days": 3, "default": ["a"]}, c=DELIVER))]),
     {("version.delivery_unsupported", "/groups/0/delivery/nodes/c")}),
    ("a choice that asks before it is made", document(groups=[replace(group("g", 1, ["a", "b"]), delivery=graph(
        a={"do": "wait", "for": "buyer", "then": "b"}, b={"do": "choose", "within_days": 3, "default": ["a"]}))]),
     {("version.delivery_unsupported", "/groups/0/delivery/nodes/a")}),
    ("an amount in another currency", with_graph(graph(
        a={"do": "condition", "then": "b", "else": "b", "unknown": "b", "if": {
            "op": "in", "args": [{"field": "order.amount"}, [{"amount_minor": 1, "currency": "USD"}]]}}, b=DELIVER)),
     {("condition.currency", "/components/0/delivery/nodes/a/if/args/1/0")}),
    ("an option that comes monthly is chosen at once", document(groups=[replace(
        group("a", 1, ["a", "b"]), delivery=graph(a={"do": "choose", "within_days": 3, "default": ["a"]}),
        options=(component("a", weight=None), component("b", weight=None, when={"when": "monthly", "times": 2})))]),
     {("version.code_repeated", "/groups/0/code"), ("version.choice_not_later", "/groups/0/options/1")}),
    ("waiting for two who wait for it", document(
        Component("a", "a", weight=1, delivery=graph(
            a={"do": "wait", "for": "component", "component": "b", "event": "activated", "within_days": 1, "then": "z",
               "else": "c"},
            c={"do": "wait", "for": "component", "component": "v", "event": "activated", "within_days": 1, "then": "z",
               "else": "z"}, z=DELIVER)),
        component("b"), component("v", when={**AFTER, "component": "a"})),
     {("version.after_circle", "/components/0/delivery"), ("version.after_circle", "/components/2/delivery")}),
]  # fmt: skip


@pytest.mark.parametrize(("made", "expected"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_every_fault_is_named(made, expected):
    assert faults_of(made, ALL) == expected


def test_all_faults_are_named_together():
    made = document(component("nope"), component("a", quantity=0), groups=[group("g", 2, ["b"])], sold_out="x")
    assert len(faults_of(made, ALL)) == 4


def test_a_good_version_has_none():
    made = document(
        component("a", when={"when": "monthly", "times": 12}), component("t", accounts={"phone": "mine"}),
        component("t2", accounts={"phone": "mine"}), component("v"),
        component("a2", benefit="a", when={**AFTER, "component": "v", "event": "redeemed"}),
        groups=[group("g", 1, ["b"])],
    )  # fmt: skip
    assert faults_of(made, ALL) == set()


def test_one_name_for_two_fields_needs_one_pattern():
    other = benefit("qq", "top_up", fields=(replace(PHONE, pattern=r"\d+"),))
    made = document(component("t", accounts={"phone": "x"}), component("qq", accounts={"phone": "x"}))
    assert faults_of(made, [TOP, other]) == {("version.account_clash", "/components/1/accounts/phone")}


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_every_kind_needs_an_offer_of_a_fitting_source(kind):
    made, sold = document(component("x")), benefit("x", kind)
    for source in ("stock", "supplier", "own"):
        fits = source in SOURCES[kind]
        found = faults_of(made, [sold], {"x": {source}})
        assert found == (set() if fits else {("version.offer_missing", "/components/0/benefit")})


def test_withdrawn_and_expired_benefits_are_faults():
    gone = replace(A, state="withdrawn")
    assert faults_of(document(component("a")), [gone]) == {("version.benefit_unknown", "/components/0/benefit")}
    over = benefit("a", validity=Validity(until=NOW))
    assert faults_of(document(component("a")), [over]) == {("version.date_in_past", "/components/0/benefit")}


def field(name="x", pattern=r"\d+"):
    return AccountField(name, "X", pattern)


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("card_key", Properties(), set()),
        ("voucher", Properties(units=12), set()),
        ("link", Properties(link="https://a.example/{order}?x=1"), set()),
        ("top_up", Properties(fields=(field(),)), set()),
        ("service", Properties(fields=(field(),), validity=Validity(days=30, start="activation")), set()),
        ("card_key", Properties(units=2), {"/properties/units"}),
        ("voucher", Properties(units=0), {"/properties/units"}),
        ("link", Properties(), {"/properties/link"}),
        ("link", Properties(link="javascript:alert(1)"), {"/properties/link"}),
        ("link", Properties(link="https://a.example/{secret}"), {"/properties/link"}),
        ("card_key", Properties(link="https://a.example"), {"/properties/link"}),
        ("top_up", Properties(), {"/properties/fields"}),
        ("voucher", Properties(fields=(field(),)), {"/properties/fields"}),
        ("top_up", Properties(fields=(field(), field())), {"/properties/fields/1/name"}),
        ("top_up", Properties(fields=(field(pattern="("),)), {"/properties/fields/0/pattern"}),
        ("card_key", Properties(validity=Validity(days=0)), {"/properties/validity/days"}),
        ("card_key", Properties(validity=Validity(start="birth")), {"/properties/validity/start"}),
        ("card_key", Properties(validity=Validity(days=1, until=NOW)), {"/properties/validity"}),
    ],
)
def test_properties_fit_the_kind(kind, properties, expected):
    assert {f.pointer for f in benefit_faults(kind, properties)} == expected


@pytest.mark.parametrize(
    ("pattern", "good"),
    [
        (r"1\d{10}", True),
        (r"(?:\+?86)?1[3-9]\d{9}", True),
        (r"[\w.+-]+@[\w.-]+\.[a-z]{2,}", True),
        (r"[)(*+?|{}]{1,5}", True),
        (r"\(\d+\)", True),
        (r"(\d{4}){4}", True),
        ("", False),
        ("x" * 121, False),
        ("(", False),
        ("a{99999999999}", False),
        (r"(a+)+", False),
        (r"((a+)b)*", False),
        (r"(a|a)*", False),
        (r"(a?){50}", False),
        (r"a*a*a*a*b", False),
        ("a?" * 30, False),
        ("(a|a)" * 24, False),
        (r"(\d)\1", False),
        (r"(?=a)a", False),
        (r"(?i)a", False),
    ],
)
def test_patterns_that_could_run_for_ever_are_refused(pattern, good):
    assert (pattern_fault(pattern) is None) is good


@pytest.mark.parametrize("machine", [BUNDLE, VERSION, BENEFIT, OFFER])
def test_every_state_is_reachable(machine):
    assert machine.reachable() == machine.states()
