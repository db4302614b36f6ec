"""Flows are tested against the same outside world as fulfilment."""

from tests.provision.fulfilment.shops import simulator_url as simulator_url
