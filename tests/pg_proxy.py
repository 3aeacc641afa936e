"""A TCP proxy in front of PostgreSQL that a test can cut, close and turn into a black hole."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import trio


class PgProxy:
    """Forwards TCP connections to the PostgreSQL of `database_url`, in the test's own event loop.

    Attributes:
        url: The database through this proxy.
        accepted: Connections taken so far, ever.
    """

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self._socket_dir = parse_qs(parts.query)["host"][0]
        self._database = parts.path
        self._streams: set[trio.abc.AsyncResource] = set()
        self._flowing = trio.Event()
        self._flowing.set()
        self._refusing = False
        self.accepted = 0
        self.url = ""

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{port}{self._database}"
        await trio.serve_listeners(self._serve, listeners, task_status=task_status)

    async def cut(self) -> None:
        """End every connection at once; new ones are taken."""
        for stream in list(self._streams):
            await trio.aclose_forcefully(stream)

    async def refuse(self) -> None:
        """End every connection and each new one as soon as it comes, until `restore`."""
        self._refusing = True
        await self.cut()

    def blackhole(self) -> None:
        """Take bytes and connections and pass nothing on, as a dead network does, until `restore`."""
        self._flowing = trio.Event()

    def restore(self) -> None:
        self._refusing = False
        self._flowing.set()

    async def _serve(self, client: trio.SocketStream) -> None:
        self.accepted += 1
        if self._refusing:
            return
        server = await trio.open_unix_socket(f"{self._socket_dir}/.s.PGSQL.5432")
        self._streams |= {client, server}
        try:
            async with client, server, trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, client, server, nursery.cancel_scope)
                nursery.start_soon(self._pump, server, client, nursery.cancel_scope)
        finally:
            self._streams -= {client, server}

    async def _pump(
        self, source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope
    ) -> None:
        try:
            async for chunk in source:
                await self._flowing.wait()
                await sink.send_all(chunk)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()
