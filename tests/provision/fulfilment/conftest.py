"""Fixtures of these tests live in shops.py: flows use them too."""

from tests.provision.fulfilment.shops import simulator_url as simulator_url
