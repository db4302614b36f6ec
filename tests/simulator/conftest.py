"""One simulator process for all of these tests; each test finds it empty."""

from collections.abc import Iterator

import pytest
from tests.simulator.running import start_simulator
from tests.simulator.speaking import Fulu, Kasushou, Listener, World
from tests.simulator.speaking_platforms import SHOPS, AnyShop
from tests.simulator.tongues import Tongue
from tests.simulator.tongues_by_name import TONGUES

ACKS = {"kasushou": "ok", "fulu": "SUCCESS"}


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_simulator(tmp_path_factory.mktemp("simulator")) as running:
        yield running.url


@pytest.fixture
def world(process: str) -> Iterator[World]:
    fresh = World(process)
    assert fresh.http.post("/control/reset").status_code == 200
    yield fresh
    fresh.http.close()


@pytest.fixture(params=["kasushou", "fulu"])
def client(request: pytest.FixtureRequest, world: World) -> Kasushou | Fulu:
    return Kasushou(world) if request.param == "kasushou" else Fulu(world)


@pytest.fixture
def listener(world: World, client: Kasushou | Fulu) -> Iterator[Listener]:
    """Callbacks of the client's supplier end here and are acknowledged in its own word."""
    hearing = Listener(ACKS[client.name])
    world.put(f"suppliers/{client.name}", {"callback_url": hearing.url, "callback_gap_ms": 10, "work_ms": 5})
    yield hearing
    hearing.close()


@pytest.fixture(params=list(TONGUES))
def tongue(request: pytest.FixtureRequest, world: World) -> Tongue:
    """A client of every further dialect, in turn."""
    return TONGUES[request.param](world)


@pytest.fixture
def ears(world: World, tongue: Tongue) -> Iterator[Listener]:
    """Callbacks of the tongue's supplier end here and are acknowledged in its own word."""
    hearing = Listener(tongue.ack)
    world.put(f"suppliers/{tongue.name}", {"callback_url": hearing.url, "callback_gap_ms": 10, "work_ms": 5})
    yield hearing
    hearing.close()


@pytest.fixture(params=SHOPS, ids=lambda shop: shop.name)
def shop(request: pytest.FixtureRequest, world: World) -> AnyShop:
    """A client of every card shop and platform, in turn, that may ask as often as a test likes."""
    world.put(f"suppliers/{request.param.name}", {"calls_per_s": 0})
    return request.param(world)


@pytest.fixture
def bell(world: World, shop: AnyShop) -> Iterator[Listener]:
    """Callbacks of the shop end here and are acknowledged in its own word."""
    hearing = Listener(shop.ack)
    world.put(f"suppliers/{shop.name}", {"callback_url": hearing.url, "callback_gap_ms": 10, "work_ms": 5})
    yield hearing
    hearing.close()
