"""Runs LocalStack so that it listens on loopback only.

LocalStack takes the port from GATEWAY_LISTEN and ignores the address: it would answer on every
interface of this machine, and it checks no credentials. All its listeners are Twisted endpoints, so an
endpoint that names no interface is given 127.0.0.1 before LocalStack is imported.
"""

import sys

from twisted.internet import endpoints


class LoopbackEndpoint(endpoints.TCP4ServerEndpoint):
    """A listener on 127.0.0.1 unless it asks for another address by name."""

    def __init__(self, reactor, port, backlog=50, interface=""):
        super().__init__(reactor, port, backlog, interface or "127.0.0.1")


endpoints.TCP4ServerEndpoint = LoopbackEndpoint

if __name__ == "__main__":
    from localstack.runtime.main import main

    sys.exit(main())
