"""`python -m simulator --port 8790 --store FILE.sqlite`."""

import argparse
import signal
import socket
from pathlib import Path

import uvicorn

from simulator.app import Simulator

CLOSE_WITHIN_S = 3


class _Server(uvicorn.Server):
    """Says where it listens once it really does."""

    def __init__(self, config: uvicorn.Config, simulator: Simulator, address: str) -> None:
        super().__init__(config)
        self._simulator, self._address = simulator, address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"simulator ready {self._address}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._simulator.begin_closing()
        await super().shutdown(sockets)


def main() -> None:
    options = argparse.ArgumentParser(prog="heyi-simulator", description="suppliers, a till and a webhook receiver")
    options.add_argument("--host", default="127.0.0.1", help="the control API asks for no password: keep it local")
    options.add_argument("--port", type=int, default=8790, help="0 picks a free one")
    options.add_argument("--store", type=Path, default=None, metavar="FILE", help="without it nothing is kept")
    chosen = options.parse_args()
    simulator = Simulator(chosen.store)
    config = uvicorn.Config(
        simulator,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=CLOSE_WITHIN_S,
        backlog=4096,
    )
    listening = socket.create_server((chosen.host, chosen.port), backlog=4096)
    host, port = listening.getsockname()[:2]
    # The server raises the signal again after it has shut down; being asked to end is no failure.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        _Server(config, simulator, f"http://{host}:{port}").run(sockets=[listening])
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
