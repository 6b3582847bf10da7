"""Serves the API in its own process: `python -m tests.http.program PORT`."""

import sys

import uvloop

from herdbook.http.server import serve
from herdbook.model.registry import Registry
from herdbook.settings import Settings


def main() -> None:
    registry = Registry()
    registry.declare("any", object)
    settings = Settings()
    uvloop.run(serve(settings, registry, host="127.0.0.1", port=int(sys.argv[1]), on_ready=print_url))


def print_url(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
