"""Who is connected, and the one way to reach them: to one session, to many, to everybody.

The pool stands where other systems put a message bus. Nothing here awaits: what is for a player is staged at that player's
`Client`, and `flush` then sends, once per connection, what was staged since the last flush. A slow player costs the others nothing.

A text for many is rendered once for each kind of client among them (`ProtocolAdapter.rendering_key`); for each recipient only its
number is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import trio

from wyld_gateway.client import Client
from wyld_gateway.close import Close
from wyld_gateway.sessions.session import Session
from wyld_rpc.messages import PROMPT, EntityStateUpdate, GameOutput, SessionId


class Pool:
    """All methods but `wait_empty` are synchronous; any task of the gateway may call any of them.

    Args:
        sessions: All sessions by id, kept by `Registry`.

    Attributes:
        clients: Everybody who is connected, in play or not.
        opened: Connections ever.
        outputs: Outputs that were delivered to a client, ever.
    """

    def __init__(self, sessions: dict[SessionId, Session]) -> None:
        self._sessions = sessions
        self._touched: list[Client] = []
        self._present = 0
        self._left = trio.lowlevel.ParkingLot()
        self.clients: set[Client] = set()
        self.opened = 0
        self.outputs = 0

    @contextmanager
    def presence(self) -> Iterator[None]:
        """Around everything that a connection does, so that `wait_empty` knows when the last transport has been closed."""
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1
            if not self._present:
                self._left.unpark_all()

    def register(self, client: Client) -> None:
        """From now on the client is reached by `broadcast` and ended by `shutdown`."""
        self.clients.add(client)
        self.opened += 1

    def unregister(self, client: Client) -> None:
        """Nothing reaches the client any more."""
        self.clients.remove(client)

    def send(self, output: GameOutput, sessions: Sequence[SessionId], numbers: Sequence[int]) -> None:
        """Stage an output for sessions, each with its number of it.

        A session that has seen that number already does not get it again; one without a client only takes note of it.
        """
        rendered: dict[object, bytes] = {}
        touched = self._touched
        for session_id, number in zip(sessions, numbers, strict=True):
            session = self._sessions.get(session_id)
            if session is None or number <= session.outputs:
                continue
            session.outputs = number
            client = session.client
            if client is None:
                continue
            adapter = client.adapter
            key = adapter.rendering_key
            data = rendered.get(key)
            if data is None:
                data = rendered[key] = adapter.render(output)
            if not client.dirty:
                touched.append(client)
            client.stage(adapter.numbered(data, number))
            self.outputs += 1

    def send_state(self, update: EntityStateUpdate, sessions: Sequence[SessionId]) -> None:
        """Stage a state, or the prompt, for sessions."""
        is_prompt = update.name == PROMPT
        for session_id in sessions:
            client = self.client_of(session_id)
            if client is None:
                continue
            self._touch(client)
            if is_prompt:
                client.set_prompt(str(update.data.get("text", "")))
            else:
                client.stage(client.adapter.encode_state(update))

    def acknowledge(self, session: Session, number: int) -> None:
        """Stage for the session's client that its commands up to `number` are safe."""
        if session.client is not None:
            self._touch(session.client)
            session.client.stage(session.client.adapter.encode_ack(number))

    def broadcast(self, text: str, *, again: bool = False) -> None:
        """Tell everybody who plays something, now; `again` spares screen readers, because they heard it the first time."""
        for client in self.clients:
            if again and client.adapter.metadata.screen_reader:
                continue
            if client.session is not None and client.session.in_play:
                self._touch(client)
                client.notice(text)
        self.flush()

    def flush(self) -> None:
        """Send what was staged, once per connection."""
        touched, self._touched = self._touched, []
        for client in touched:
            client.flush()

    def client_of(self, session: SessionId) -> Client | None:
        """Who is attached to the session, if it is one of ours and somebody is."""
        found = self._sessions.get(session)
        return None if found is None else found.client

    def shutdown(self, close: Close, text: str) -> None:
        """End every connection; `wait_empty` tells when they are gone."""
        for client in list(self.clients):
            client.end(close, text)

    async def wait_empty(self) -> None:
        """Until nobody is connected. Cancellation changes nothing."""
        while self._present:
            await self._left.park()

    def _touch(self, client: Client) -> None:
        if not client.dirty:
            self._touched.append(client)
