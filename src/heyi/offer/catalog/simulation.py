"""What would happen, when: a version's flows walked with a sample order and things that happen to it. Pure.

The walk is the very rule that orders follow; what is played here is the world around it. Suppliers deliver at once,
unless the sample says that a delivery fails; buyers do nothing unless it says so; deadlines pass, and rights expire.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from heyi.kernel import flow
from heyi.kernel.parts import CHOICE, VOUCHER, waits_for_activation, window
from heyi.offer.catalog import wording
from heyi.offer.catalog.compiled import Compiled, Template
from heyi.offer.catalog.sample import Ended, Happening, Sample, Told
from heyi.offer.catalog.wording import Words


@dataclass(slots=True)
class _Item:
    template: Template
    walked: flow.Flow
    number: int
    part: int
    accounts: frozenset[str]
    stand: flow.Stand | None = None
    state: str = "scheduled"
    since: datetime | None = None
    group: str | None = None  # the choice that it filled late
    named: Template | None = None  # what was chosen beforehand
    used: int = 0  # units
    turn: int = 0  # a timer that was set before something else brought the item on means nothing any more
    fails: list[Happening] = field(default_factory=list)
    seen: flow.Seen = field(default_factory=lambda: flow.Seen(""))

    @property
    def code(self) -> str:
        return self.template.component.code


def simulate(compiled: Compiled, sample: Sample, zone: ZoneInfo) -> tuple[list[Told], list[Ended]]:
    """The story of a sample order, in order of time, and where it leaves every item."""
    play = _Play(compiled, sample, zone)
    play.run()
    return play.story, [Ended(item.code, item.number, item.state, item.since) for item in play.items]


class _Play:
    def __init__(self, compiled: Compiled, sample: Sample, zone: ZoneInfo) -> None:
        self.compiled, self.sample, self.zone = compiled, sample, zone
        self.story: list[Told] = []
        placed: list[tuple[Template, Template | None]] = [(template, None) for template in compiled.fixed]
        for code in compiled.groups:
            placed += compiled.slots(code, sample.choices.get(code))
        options = [one for group in compiled.options.values() for one in group.values()]
        self.titles = {t.component.code: t.benefit.title for t in (*options, *(template for template, _ in placed))}
        self.items = [item for template, named in placed for item in self._items(template, named)]
        self._queue: list[tuple[datetime, int, int, Callable[[datetime], None]]] = []
        self._count = itertools.count()

    def _items(self, template: Template, named: Template | None) -> list[_Item]:
        given = frozenset((template.given if named is None else named.called)(self.sample.accounts))
        walked = flow.Flow(template.component.delivery, self.zone)
        code, times = template.component.code, template.timing.times
        fails = sorted((h for h in self.sample.happenings if (h.component, h.what) == (code, "delivery_fails")),
                       key=lambda h: h.at)  # fmt: skip
        return [
            _Item(template, walked, n + 1, n % times, given, named=named, fails=list(fails), seen=flow.Seen(code))
            for n in range(template.units_per_set * self.sample.quantity)
        ]

    def run(self) -> None:
        paid_at = self.sample.paid_at
        begun = [(item, item.walked.begin(self._facts(item), now=paid_at, part=item.part)) for item in self.items]
        for item, stand in begun:
            self._rest(item, stand, paid_at)
        for code in dict.fromkeys(item.code for item in self.items):
            self._changed(code, paid_at)  # what was delivered just now is seen by those who wait further down as well
        for one in self.sample.happenings:
            if one.what != "delivery_fails":
                self._later(max(one.at, paid_at), lambda at, one=one: self._happens(one, at), 0)  # type: ignore[misc]
        while self._queue:
            at, _, _, go_on = heapq.heappop(self._queue)
            go_on(at)

    def _later(self, at: datetime, go_on: Callable[[datetime], None], rank: int = 1) -> None:
        """What happens at the very end of a time happens in time: its rank is lower than that of the timers."""
        heapq.heappush(self._queue, (at, rank, next(self._count), go_on))

    def _facts(self, item: _Item) -> dict[str, object]:
        sample = self.sample
        return {
            "order.channel": sample.channel, "order.bundle": self.compiled.bundle,
            "order.version": self.compiled.version, "order.amount": sample.amount,
            "order.quantity": sample.quantity, "order.paid_at": sample.paid_at, "item.accounts": item.accounts,
            **flow.of_components(other.seen for other in self.items),
        }  # fmt: skip

    def _tell(self, item: _Item, what: str, words: Words, at: datetime, node: str | None = None,
              branch: str | None = None) -> None:  # fmt: skip
        self.story.append(Told(at, item.code, item.number, what, words, node, branch))

    def _wake(self, item: _Item, cause: str, at: datetime) -> None:
        assert item.stand is not None
        if item.stand.kind == "choose" and cause in (flow.TIME, flow.BUYER):
            return self._choose(item, at)
        facts, stand = self._facts(item), item.stand
        found = item.walked.wake(
            stand.node, cause, facts, now=at, until=stand.at, part=item.part, own=stand.own
        )  # fmt: skip
        return None if found is None else self._rest(item, found, at)

    def _choose(self, item: _Item, at: datetime) -> None:
        """Nobody says what now: the slot takes what was named beforehand, or the first default that is left."""
        assert item.stand is not None
        named, defaults = item.named, item.walked.defaults(item.stand.node)
        left = [code for code in defaults if self._left(item.code, code)]
        option = named.component.code if named is not None else (left or defaults)[0]
        words = wording.chosen_in_words(self.titles[option], named=named is not None)
        self._tell(item, "chosen", words, at, item.stand.node)
        self._fill(item, option, self.sample.accounts if named is not None else {}, at)

    def _left(self, group: str, option: str) -> bool:
        taken = [item.code for item in self.items if item.group == group]
        return taken.count(option) < self.sample.quantity

    def _fill(self, item: _Item, option: str, accounts: Mapping[str, str], at: datetime) -> None:
        group = item.code
        item.template, item.group, item.named = self.compiled.options[group][option], group, None
        item.walked, item.seen = flow.Flow(item.template.component.delivery, self.zone), flow.Seen(item.code)
        item.accounts = frozenset(item.template.given(accounts))
        self._rest(item, item.walked.begin(self._facts(item), now=at, part=0), at)

    def _rest(self, item: _Item, stand: flow.Stand, at: datetime) -> None:
        """The item has walked to here: tell its way, and set what brings it on by itself."""
        item.stand, item.turn, item.since = stand, item.turn + 1, at
        for step in stand.steps:
            if step.do != "notify" or step.told:
                words = wording.step_in_words(item.walked, step, zone=self.zone, titles=self.titles)
                self._tell(item, "told" if step.told else "passed", words, min(step.at, at), step.node, step.branch)
        words = wording.stand_in_words(item.walked, stand, zone=self.zone, titles=self.titles)
        if stand.kind == "deliver" and (stand.at is None or stand.at <= at):
            self._deliver(item, at)
        elif stand.kind == "cancel":
            item.state = "cancelled"
            self._tell(item, "cancelled", words, at, stand.node)
            self._over(item, at)
        elif stand.kind == "choose" and item.named is not None:
            item.state = "scheduled"
            self._timer(item, at, deliver=False)  # a moment later
        else:
            item.state = "scheduled" if stand.kind in ("deliver", "timer", "event") else "waiting_for_buyer"
            self._tell(item, "waits", words, at, stand.node)
            if stand.at is not None:
                self._timer(item, stand.at, deliver=stand.kind == "deliver")

    def _timer(self, item: _Item, at: datetime, *, deliver: bool) -> None:
        turn = item.turn

        def ring(now: datetime) -> None:
            if item.turn == turn:
                (self._deliver(item, now) if deliver else self._wake(item, flow.TIME, now))

        self._later(at, ring)

    def _deliver(self, item: _Item, at: datetime) -> None:
        node = item.stand.node if item.stand else None
        item.turn, item.since = item.turn + 1, at
        if len(item.accounts) < len(item.template.accounts):
            item.state = "waiting_for_buyer"
            return self._tell(item, "waits", wording.ACCOUNTS_WANTED, at, node)
        if item.fails and item.fails[0].at <= at:
            item.fails.pop(0)
            self._tell(item, "delivery_failed", wording.DELIVERY_FAILED, at, node)
            if item.walked.falls_back(node):
                return self._wake(item, flow.FAILED, at)
            item.state = "delivering"
            return self._tell(item, "needs_person", wording.NEEDS_PERSON, at, node)
        item.state = "delivered"
        self._tell(item, "delivered", wording.DELIVERED, at, node)
        begins = not waits_for_activation(item.template.benefit.kind, item.template.benefit.properties.validity)
        item.seen = replace(item.seen, delivered_at=at, activated_at=at if begins else None)
        self._expires(item)
        return self._changed(item.code, at)

    def _expires(self, item: _Item) -> None:
        """Its last moment, as far as it is known by now."""
        seen, properties = item.seen, item.template.benefit.properties
        _, until = window(
            properties.validity, paid_at=self.sample.paid_at, delivered_at=seen.delivered_at,
            activated_at=seen.activated_at, key_expires_at=None,
        )  # fmt: skip

        def expire(at: datetime) -> None:
            if item.seen.ended_at is None:
                self._tell(item, "ended", wording.EXPIRED, at)
                self._over(item, at)

        if until is not None:
            self._later(max(until, seen.delivered_at or until), expire, 0)

    def _over(self, item: _Item, at: datetime) -> None:
        item.seen = replace(item.seen, ended_at=at)
        self._changed(item.code, at)

    def _changed(self, code: str, at: datetime) -> None:
        """Something became of a component: whoever waits for that goes on."""
        for item in self.items:
            stand = item.stand
            if item.state == "scheduled" and stand is not None and stand.kind == "event" and stand.component == code:
                self._wake(item, flow.EVENT, at)

    def _happens(self, one: Happening, at: datetime) -> None:
        mine = [item for item in self.items if item.code == one.component and self._can(item, one)]
        title = self.titles.get(one.option or one.component, one.component)
        words = wording.happening_in_words(one.what, title, bool(mine))
        self.story.append(Told(at, one.component, None, "happens" if mine else "cannot_happen", words))
        for item in mine[:1] if one.what == "chosen" else mine:
            if one.what == "chosen":
                self._fill(item, one.option or "", {}, at)
            elif one.what == "asked":
                self._asked(item, at)
            elif one.what == "activated":
                item.seen = replace(item.seen, activated_at=at)
                self._expires(item)
            elif one.what == "redeemed":
                self._redeemed(item, at)
            else:
                item.seen = replace(item.seen, ended_at=at)
        if mine and one.what not in ("asked", "chosen"):
            self._changed(one.component, at)

    def _asked(self, item: _Item, at: datetime) -> None:
        """He gives what accounts it wants; before its day they are kept for then."""
        item.accounts = frozenset(name for name, _ in item.template.accounts)
        if item.state == "waiting_for_buyer":
            waits = item.stand is not None and item.walked.asks_buyer(item.stand.node)
            (self._wake(item, flow.BUYER, at) if waits else self._deliver(item, at))

    def _redeemed(self, item: _Item, at: datetime) -> None:
        item.used += 1
        used_up = item.used == item.template.benefit.properties.units
        item.seen = replace(item.seen, redeemed_at=item.seen.redeemed_at or at, ended_at=at if used_up else None)
        if used_up:
            self._tell(item, "ended", wording.USED_UP, at)

    def _can(self, item: _Item, one: Happening) -> bool:
        there = item.state == "delivered" and item.seen.ended_at is None
        chooses = item.template.benefit.kind == CHOICE
        if one.what == "chosen":
            known = one.option in self.compiled.options.get(item.code, {})
            waits = chooses and item.state == "waiting_for_buyer"
            return waits and known and self._left(item.code, one.option or "")
        if one.what == "asked":
            lacks = len(item.accounts) < len(item.template.accounts)
            return not chooses and (item.state == "waiting_for_buyer" or (item.state == "scheduled" and lacks))
        if one.what == "activated":
            return there and item.seen.activated_at is None
        if one.what == "redeemed":
            return there and item.template.benefit.kind == VOUCHER and item.seen.activated_at is not None
        return there
