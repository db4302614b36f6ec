"""What operators do with bundles and their versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.clock import millis
from heyi.kernel.errors import Refused
from heyi.kernel.ids import from_text, new_id
from heyi.kernel.machine import Machine
from heyi.offer.catalog import checks, delivery, errors, graphs, store
from heyi.offer.catalog.model import BUNDLE, VERSION, Bundle, Component, Document, Group, Version
from heyi.offer.catalog.rules import refuse

Delivered = TypeVar("Delivered", Component, Group)


async def make(tx: Tx, *, code: str, title: str, now: datetime) -> Bundle:
    """A new bundle, without a version yet. Raises CodeTaken (also for a code that would read as an id)."""
    bundle = Bundle(new_id(millis(now)), code, title, BUNDLE.first, created_at=now)
    if from_text("bnd", code) is not None or not await store.insert_bundle(tx, bundle):
        raise errors.CodeTaken("/code", value=code)
    return bundle


async def search(
    tx: Tx, *, search: str | None = None, state: str | None = None, before: UUID | None = None, most: int = 50
) -> list[Bundle]:
    """Newest first; `search` looks anywhere in code and title."""
    return await store.list_bundles(tx, search=search or None, state=state, before=before, most=most)


async def read(tx: Tx, id: UUID) -> Bundle:
    """Raises BundleNotFound."""
    bundle = await store.read_bundle(tx, id)
    if bundle is None:
        raise errors.BundleNotFound
    return bundle


async def change(
    tx: Tx, id: UUID, *, title: str | None = None, window: tuple[datetime | None, datetime | None] | None = None
) -> Bundle:
    """Change what is not None; `window` is from and to (None: open), sold while from <= now < to.

    Raises BundleNotFound, WindowRefused.
    """
    before = await store.read_bundle(tx, id, lock=True)
    if before is None:
        raise errors.BundleNotFound
    sale_from, sale_to = window or (before.sale_from, before.sale_to)
    if sale_from is not None and sale_to is not None and sale_from >= sale_to:
        raise errors.WindowRefused("/sale_to")
    after = replace(before, title=title or before.title, sale_from=sale_from, sale_to=sale_to)
    await store.update_bundle(tx, after)
    return after


async def move(tx: Tx, id: UUID, move: str) -> Bundle:
    """`withdraw` a bundle with all its versions, or `put_on_sale` again. Raises BundleNotFound, WrongState."""
    sources, state = _target(BUNDLE, move)
    moved = await store.move_bundle(tx, id, state, sources)
    bundle = await read(tx, id)
    if not moved:
        raise errors.WrongState(state=bundle.state)
    return bundle


async def draft(tx: Tx, bundle_id: UUID, document: Document, *, now: datetime) -> Version:
    """A new version, not sold yet; delivery shorthands become graphs. Raises BundleNotFound, or what is wrong with
    shorthands, conditions and what asks the buyer; everything else is found on publishing.
    """
    expanded = _expanded(document)
    if await store.read_bundle(tx, bundle_id, lock=True) is None:
        raise errors.BundleNotFound
    version = await store.insert_version(tx, bundle_id, expanded, now=now)
    return Version(bundle_id, version, VERSION.first, expanded, now)


async def versions(tx: Tx, bundle_id: UUID, *, before: int | None = None, most: int = 50) -> list[Version]:
    """A bundle's versions, newest first, below the number `before`. Raises BundleNotFound."""
    await read(tx, bundle_id)
    return await store.list_versions(tx, bundle_id, before=before, most=most)


async def version(tx: Tx, bundle_id: UUID, version: int) -> Version:
    """Raises VersionNotFound."""
    found = await store.read_version(tx, bundle_id, version)
    if found is None:
        raise errors.VersionNotFound
    return found


async def publish(tx: Tx, bundle_id: UUID, number: int, *, now: datetime) -> Version:
    """Make a draft the version that is sold: checked whole, frozen with its benefits as they are now.

    Raises BundleNotFound, VersionNotFound, WrongState (not a draft), or every fault at once.
    """
    bundle = await store.read_bundle(tx, bundle_id, lock=True)
    if bundle is None:
        raise errors.BundleNotFound
    drafted = await version(tx, bundle_id, number)
    if VERSION.step(drafted.state, "publish") is None:
        raise errors.WrongState(state=drafted.state)
    benefits = await store.lock_benefits_named(tx, checks.named_benefits(drafted.document))
    # A held offer counts: a version with another cost limit may be what lets it be resumed.
    sources = await store.active_sources(tx, sorted(benefit.id for benefit in benefits.values()), held=True)
    refuse(checks.publish_faults(drafted.document, benefits, sources, now=now))
    document = checks.snapshot(drafted.document, benefits)
    published = await store.publish_version(tx, bundle_id, number, document, now=now)
    state = BUNDLE.step(bundle.state, "publish")
    if not published or state is None:
        raise errors.WrongState(state=bundle.state)
    await store.make_current(tx, bundle_id, number, state, [bundle.state])
    return replace(drafted, state=VERSION.moves[drafted.state, "publish"], document=document, published_at=now)


async def move_version(tx: Tx, bundle_id: UUID, number: int, move: str) -> Version:
    """`withdraw` one version (the current one: nothing is sold until another is published), or `put_on_sale` again.

    Raises VersionNotFound, WrongState.
    """
    sources, state = _target(VERSION, move)
    moved = await store.move_version(tx, bundle_id, number, state, sources)
    found = await version(tx, bundle_id, number)
    if not moved:
        raise errors.WrongState(state=found.state)
    return found


async def set_channel_price(tx: Tx, bundle_id: UUID, channel_id: UUID, price_minor: int | None) -> dict[UUID, int]:
    """What a channel pays instead of the version's price, in the version's currency; None: the version's again.

    Answers the bundle's prices by channel. Raises BundleNotFound. The channel is the caller's to check.
    """
    await read(tx, bundle_id)
    await store.set_channel_price(tx, bundle_id, channel_id, price_minor)
    return await store.list_channel_prices(tx, bundle_id)


async def channel_prices(tx: Tx, bundle_id: UUID) -> dict[UUID, int]:
    """Prices in minor units by channel. Raises BundleNotFound."""
    await read(tx, bundle_id)
    return await store.list_channel_prices(tx, bundle_id)


def _target(machine: Machine[str], move: str) -> tuple[tuple[str, ...], str]:
    """The states that a move leaves, and the one it leads to."""
    sources = machine.sources(move)
    return sources, machine.moves[sources[0], move]


def _expanded(document: Document) -> Document:
    """The document with delivery graphs in place of shorthands. Raises with every unreadable one, and with what is
    wrong with conditions or asks the buyer where nobody can answer.
    """
    faults: list[Refused] = []

    def expanded(component: Delivered, here: str) -> Delivered:
        found: list[Refused] = []
        try:
            graph = delivery.expand(component.delivery)
            found += graphs.saving_faults(
                graph, document.titles, currency=document.currency, of_group=isinstance(component, Group)
            )  # fmt: skip
        except Refused as unreadable:
            graph, found = component.delivery, [unreadable]
        for fault in found:
            fault.pointer = f"{here}/delivery{fault.pointer or ''}"
        faults.extend(found)
        return replace(component, delivery=graph)

    components = tuple(expanded(c, f"/components/{i}") for i, c in enumerate(document.components))
    groups = tuple(
        replace(
            expanded(group, f"/groups/{i}") if group.delivery else group,
            options=tuple(expanded(o, f"/groups/{i}/options/{j}") for j, o in enumerate(group.options)),
        )
        for i, group in enumerate(document.groups)
    )
    refuse(faults)
    return replace(document, components=components, groups=groups)
