"""What may be saved and published: benefits by themselves, versions whole. Every fault is named with its pointer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from heyi.kernel.errors import Refused
from heyi.kernel.parts import LINK, PHYSICAL, TOP_UP, VOUCHER
from heyi.offer.catalog import delivery, errors, graphs
from heyi.offer.catalog.compiled import account_names
from heyi.offer.catalog.model import (
    ASKING,
    COMPONENTS_MAX,
    DAYS_MAX,
    FIELDS_MAX,
    PARTS_MAX,
    QUANTITY_MAX,
    ROLES,
    ROUTING,
    SOURCES,
    UNITS_MAX,
    WEIGHT_MAX,
    Benefit,
    Component,
    Document,
    Group,
    Properties,
)
from heyi.offer.catalog.patterns import pattern_fault

STARTS = ("payment", "delivery", "activation")
# A link's template is an http address, in which these words are filled in.
LINK_WORDS = ("entitlement", "order", "item")
_LINK = re.compile(r"https?://[^\s{}]+(?:\{(?:" + "|".join(LINK_WORDS) + r")\}[^\s{}]*)*")


def benefit_faults(kind: str, properties: Properties) -> Iterator[Refused]:
    """What is wrong with a benefit's properties, for its kind."""
    validity = properties.validity
    if validity.days is not None and validity.until is not None:
        yield _property("/validity", "天数与截止时间只能选一个", "it counts days or has an end, not both")
    if validity.days is not None and not 1 <= validity.days <= DAYS_MAX:
        yield errors.OutOfBounds("/properties/validity/days", least=1, most=DAYS_MAX)
    if validity.start not in STARTS:
        yield errors.WordUnknown("/properties/validity/start", words=", ".join(STARTS))
    most = UNITS_MAX if kind == VOUCHER else 1
    if not 1 <= properties.units <= most:
        yield errors.OutOfBounds("/properties/units", least=1, most=most)
    if kind == LINK and not (properties.link and _LINK.fullmatch(properties.link)):
        yield _property("/link", "须是 http(s) 链接模板", "a link benefit needs an http(s) template")
    if kind != LINK and properties.link is not None:
        yield _property("/link", "只有链接类权益才有链接", "only a link benefit has a link")
    if kind == TOP_UP and not properties.fields:
        yield _property("/fields", "直充权益须有充值账号字段", "a top-up asks for an account")
    if kind not in ASKING and properties.fields:
        yield _property("/fields", "该类型不收集账号", "this kind asks for no accounts")
    if properties.routing not in ROUTING:
        yield errors.WordUnknown("/properties/routing", words=", ".join(ROUTING))
    if len(properties.fields) > FIELDS_MAX:
        yield errors.OutOfBounds("/properties/fields", least=0, most=FIELDS_MAX)
    seen: set[str] = set()
    for place, field in enumerate(properties.fields):
        if field.name in seen:
            yield errors.CodeRepeated(f"/properties/fields/{place}/name", value=field.name)
        seen.add(field.name)
        if why := pattern_fault(field.pattern):
            yield _property(f"/fields/{place}/pattern", *why)


def _property(pointer: str, why_zh: str, why: str) -> Refused:
    return errors.PropertyRefused(f"/properties{pointer}", why_zh=why_zh, why=why)


def publish_faults(
    document: Document, benefits: Mapping[str, Benefit], sources: Mapping[UUID, Set[str]], *, now: datetime
) -> list[Refused]:
    """Every fault that keeps a version from being published.

    `benefits` are those that exist, by code; `sources` are the sources of each benefit's active offers.
    """
    placed = list(_placed(document))
    faults: list[Refused] = []
    if not placed:
        faults.append(errors.VersionEmpty("/components"))
    if len(placed) > COMPONENTS_MAX:
        faults.append(errors.OutOfBounds("/components", least=1, most=COMPONENTS_MAX))
    if document.price_minor < 0:
        faults.append(errors.OutOfBounds("/price", least=0, most=WEIGHT_MAX))
    if document.sold_out not in ("wait", "refuse"):
        faults.append(errors.WordUnknown("/sold_out", words="wait, refuse"))
    faults += _code_faults(document, placed)
    faults += _share_faults(document)
    faults += _group_faults(document)
    for here, component in placed:
        faults += _component_faults(here, component, benefits, sources, now)
    faults += _account_faults(placed, benefits)
    faults += _delivery_faults(document, placed, benefits, now)
    return faults


def snapshot(document: Document, benefits: Mapping[str, Benefit]) -> Document:
    """The document with the benefits as they are now: what a published version sells does not change with them."""
    return replace(document, benefits={c.benefit: benefits[c.benefit] for _, c in _placed(document)})


def named_benefits(document: Document) -> list[str]:
    """The codes of the benefits that a version names, each once, sorted."""
    return sorted({component.benefit for _, component in _placed(document)})


def _placed(document: Document) -> Iterator[tuple[str, Component]]:
    """Every component and option with its pointer."""
    for i, component in enumerate(document.components):
        yield f"/components/{i}", component
    for i, group in enumerate(document.groups):
        for j, option in enumerate(group.options):
            yield f"/groups/{i}/options/{j}", option


def _code_faults(document: Document, placed: list[tuple[str, Component]]) -> Iterator[Refused]:
    codes = [(f"/groups/{i}/code", group.code) for i, group in enumerate(document.groups)]
    for named in (codes, [(f"{here}/code", component.code) for here, component in placed]):
        seen: set[str] = set()
        for pointer, code in named:
            if code in seen:
                yield errors.CodeRepeated(pointer, value=code)
            seen.add(code)


def _share_faults(document: Document) -> Iterator[Refused]:
    """All have a weight and one is above zero; or all have an explicit share, and these add up to the price."""
    sharing: list[tuple[str, Component | Group, int]] = [
        (f"/components/{i}", component, 1) for i, component in enumerate(document.components)
    ]
    sharing += [(f"/groups/{i}", group, group.pick) for i, group in enumerate(document.groups)]
    explicit = any(share.share_minor is not None for _, share, _ in sharing)
    word = "share_minor" if explicit else "weight"
    total, whole = 0, True
    for here, share, times in sharing:
        value = share.share_minor if explicit else share.weight
        if value is None or (explicit and share.weight is not None):
            whole = False
            yield errors.ShareMissing(f"{here}/{word if value is None else 'weight'}")
        elif not 0 <= value <= WEIGHT_MAX:
            whole = False
            yield errors.OutOfBounds(f"{here}/{word}", least=0, most=WEIGHT_MAX)
        else:
            total += value * times
    if sharing and whole and (total <= 0 or (explicit and total != document.price_minor)):
        yield errors.SharesDoNotAdd("/components", total=total, price=document.price_minor)
    for i, group in enumerate(document.groups):
        for j, option in enumerate(group.options):
            if option.weight is not None or option.share_minor is not None:
                yield errors.ShareMissing(f"/groups/{i}/options/{j}")


def _group_faults(document: Document) -> Iterator[Refused]:
    for i, group in enumerate(document.groups):
        if not 1 <= group.pick <= len(group.options):
            yield errors.ChoiceImpossible(f"/groups/{i}/pick", pick=group.pick, options=len(group.options))


def _component_faults(
    here: str, component: Component, benefits: Mapping[str, Benefit], sources: Mapping[UUID, Set[str]], now: datetime
) -> Iterator[Refused]:
    """Its quantity, role, benefit, offers and account mapping."""
    if not 1 <= component.quantity <= QUANTITY_MAX:
        yield errors.OutOfBounds(f"{here}/quantity", least=1, most=QUANTITY_MAX)
    if component.cost_limit_minor is not None and not 0 <= component.cost_limit_minor <= WEIGHT_MAX:
        yield errors.OutOfBounds(f"{here}/cost_limit_minor", least=0, most=WEIGHT_MAX)
    if component.role not in ROLES:
        yield errors.WordUnknown(f"{here}/role", words=", ".join(ROLES))
    benefit = benefits.get(component.benefit)
    if benefit is None or benefit.state != "active":
        yield errors.BenefitUnknown(f"{here}/benefit", benefit=component.benefit)
        return
    fitting = SOURCES[benefit.kind]
    if not sources.get(benefit.id, frozenset()) & set(fitting):
        yield errors.OfferMissing(
            f"{here}/benefit", benefit=benefit.code, kind_of=benefit.kind, sources=", ".join(fitting)
        )
    until = benefit.properties.validity.until
    if until is not None and until <= now:
        yield errors.DateInPast(f"{here}/benefit")
    asked = {field.name for field in benefit.properties.fields}
    for name in component.accounts:
        if name not in asked:
            yield errors.FieldUnknown(f"{here}/accounts/{name}", benefit=benefit.code, value=name)


def _account_faults(placed: list[tuple[str, Component]], benefits: Mapping[str, Benefit]) -> Iterator[Refused]:
    """An account name means one account: shared only by fields that are both mapped to it and look the same."""
    taken: dict[str, tuple[str, bool]] = {}  # by account name: the first field's pattern, and whether it was mapped
    for here, component in placed:
        benefit = benefits.get(component.benefit)
        if benefit is None:
            continue
        patterns = {field.name: field.pattern for field in benefit.properties.fields}
        for name, called in account_names(component, benefit):
            mine = (patterns[name], name in component.accounts)
            first = taken.setdefault(called, mine)
            if first is not mine and (first != mine or not mine[1]):
                yield errors.AccountClash(f"{here}/accounts/{name}", value=called)


def _delivery_faults(
    document: Document, placed: list[tuple[str, Component]], benefits: Mapping[str, Benefit], now: datetime
) -> Iterator[Refused]:
    """Graphs by themselves, then what they wait for, then how many items all of it makes."""
    fixed = {component.code: component for component in document.components}
    titles = {component.code: component.code for _, component in placed}
    waits: dict[str, set[str]] = {}
    parts = 0
    flows: list[tuple[str, Component | Group]] = [*placed]
    flows += [(f"/groups/{i}", group) for i, group in enumerate(document.groups) if group.delivery]
    for here, one in flows:
        group = one if isinstance(one, Group) else None
        found = graphs.faults(one.delivery, titles, group=group, currency=document.currency)
        for fault in found:
            fault.pointer = f"{here}/delivery{fault.pointer}"
            yield fault
        if found:
            continue
        if isinstance(one, Component):
            parts += one.quantity * delivery.parts(one.delivery)
        else:
            yield from _open_faults(here, one, titles, benefits)
        for name, node in one.delivery["nodes"].items():
            if "at" in node and graphs.read_time(node["at"]) <= now:
                yield errors.DateInPast(f"{here}/delivery/nodes/{name}/at")
        for name, code, event in graphs.awaited(one.delivery):
            waits.setdefault(one.code, set()).add(code)
            awaited = fixed.get(code)
            benefit = benefits.get(awaited.benefit) if awaited else None
            if awaited is None or (event == "redeemed" and benefit is not None and benefit.kind != VOUCHER):
                yield errors.AfterUnknown(f"{here}/delivery/nodes/{name}/component", component=code, event=event)
    if parts > PARTS_MAX:
        yield errors.OutOfBounds("/components", least=1, most=PARTS_MAX)
    yield from _circle_faults(placed, waits)


def _open_faults(
    here: str, group: Group, titles: Mapping[str, str], benefits: Mapping[str, Benefit]
) -> Iterator[Refused]:
    """A choice that may be made later is one item already: its options are one item each, and are not shipped."""
    if group.code in titles:
        yield errors.CodeRepeated(f"{here}/code", value=group.code)
    for j, option in enumerate(group.options):
        benefit = benefits.get(option.benefit)
        split = not graphs.faults(option.delivery) and delivery.parts(option.delivery) > 1
        if option.quantity > 1 or split or (benefit is not None and benefit.kind == PHYSICAL):
            yield errors.ChoiceNotLater(f"{here}/options/{j}")


def _circle_faults(placed: list[tuple[str, Component]], waits: Mapping[str, Set[str]]) -> Iterator[Refused]:
    """Components that wait for themselves, by whatever way; the shortest way round is named."""
    for here, component in placed:
        seen, ways = set[str](), list[tuple[str, ...]]([(component.code,)])
        while ways:
            way = ways.pop(0)
            for code in sorted(waits.get(way[-1], ())):
                if code == component.code:
                    yield errors.AfterCircle(f"{here}/delivery", circle=" → ".join([*way, code]))
                    ways = []
                    break
                if code not in seen:
                    seen.add(code)
                    ways.append((*way, code))
