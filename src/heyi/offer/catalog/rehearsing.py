"""A version is rehearsed before it is sold: what its flows would make of a sample order. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from heyi.infra.db import Tx
from heyi.kernel.errors import Refused
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.offer.catalog import bundles, checks, errors, store
from heyi.offer.catalog.compiled import Compiled, compile_version
from heyi.offer.catalog.model import ORDER_QUANTITY_MAX, PARTS_MAX, Document
from heyi.offer.catalog.rules import account_faults, choice_faults, refuse
from heyi.offer.catalog.sample import Ended, Happening, Sample, Told
from heyi.offer.catalog.simulation import simulate


async def rehearse(
    tx: Tx, bundle_id: UUID, number: int, *, channel_id: UUID | None, quantity: int, paid_at: datetime,
    accounts: Mapping[str, str], choices: Mapping[str, Sequence[str]], happenings: Sequence[Happening],
    now: datetime, zone: ZoneInfo,
) -> tuple[list[Told], list[Ended]]:  # fmt: skip
    """The story of a sample order of a version, drafted or published, and where it leaves every item.

    Raises BundleNotFound, VersionNotFound; every fault of a draft but for missing offers; or what is wrong with the
    sample.
    """
    bundle = await bundles.read(tx, bundle_id)
    version = await bundles.version(tx, bundle_id, number)
    document = version.document if version.published_at is not None else await _checked(tx, version.document, now)
    compiled = compile_version(bundle_id, bundle.code, number, document)
    refuse(_sample_faults(compiled, quantity, accounts, choices, happenings))
    prices = {} if channel_id is None else await store.list_channel_prices(tx, bundle_id)
    price_minor = document.price_minor if channel_id is None else prices.get(channel_id, document.price_minor)
    amount = Money(price_minor, document.currency).times(quantity)
    channel = "" if channel_id is None else to_text("chn", channel_id)
    sample = Sample(channel, quantity, paid_at, amount, accounts, choices, happenings)
    return simulate(compiled, sample, zone)


async def _checked(tx: Tx, document: Document, now: datetime) -> Document:
    benefits = await store.lock_benefits_named(tx, checks.named_benefits(document))
    found = checks.publish_faults(document, benefits, {}, now=now)
    refuse([fault for fault in found if not isinstance(fault, errors.OfferMissing)])
    return checks.snapshot(document, benefits)


def _sample_faults(
    compiled: Compiled, quantity: int, accounts: Mapping[str, str], choices: Mapping[str, Sequence[str]],
    happenings: Sequence[Happening],
) -> list[Refused]:  # fmt: skip
    faults = [*choice_faults(compiled, choices), *account_faults(compiled, accounts)]
    if faults:
        return faults
    sold = [*compiled.fixed, *(compiled.options[code][one] for code, picked in choices.items() for one in picked)]
    most = min(ORDER_QUANTITY_MAX, max(1, PARTS_MAX // max(1, sum(template.units_per_set for template in sold))))
    if not 1 <= quantity <= most:
        faults.append(errors.QuantityRefused("/quantity", most=most))
    if quantity > 1 and any(template.accounts for template in sold):
        faults.append(errors.OneAtATime("/quantity"))
    left = {code: compiled.options[code] for code in compiled.open if code not in choices}
    codes = (
        {template.component.code for template in sold} | left.keys() | {one for group in left.values() for one in group}
    )
    for place, one in enumerate(happenings):
        here = f"/happenings/{place}"
        if one.component not in codes:
            faults.append(errors.WordUnknown(f"{here}/component", words=", ".join(sorted(codes))))
        elif one.what == "chosen" and one.option not in left.get(one.component, {}):
            faults.append(errors.ChoiceUnknown(f"{here}/option"))
    return faults
