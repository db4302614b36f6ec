"""Everything that an operator does; the command line and the console use nothing else."""

from heyi.doors.operator_api import (
    benefits,
    bundles,
    channels,
    deposits,
    entitlements,
    keys,
    offers,
    orders,
    partners,
    profiles,
    rehearsals,
    routes,
    shelves,
    supplier_money,
    suppliers,
    tasks,
)

HANDLERS = [
    *partners.HANDLERS,
    *channels.HANDLERS,
    *deposits.HANDLERS,
    *suppliers.HANDLERS,
    *supplier_money.HANDLERS,
    *profiles.HANDLERS,
    *rehearsals.HANDLERS,
    *benefits.HANDLERS,
    *offers.HANDLERS,
    *routes.HANDLERS,
    *bundles.HANDLERS,
    *keys.HANDLERS,
    *shelves.HANDLERS,
    *orders.HANDLERS,
    *entitlements.HANDLERS,
    *tasks.HANDLERS,
]
