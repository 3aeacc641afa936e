"""The link to the world: always up, or coming back by itself.

`run` connects, opens the link, serves it until it breaks, and begins again, with growing pauses. Everybody else uses three things,
whatever state it is in:

- `call` asks the world something and raises `WorldAway` if there is no link; `wait_up` waits for one.
- `submit` takes a command. It is numbered and kept until the world has confirmed it; all commands of one pass of the event loop
  leave in one frame, together with the acknowledgements of the ticks that came in. Nobody waits for anything here.
- What the world does comes in ticks, which `ticks` applies.

When the link is lost, every session in play is over: its player is told once, stays connected, and comes back by the login as soon as
the world does (`connection`). What had not left for the world yet is kept for then; what had left may or may not have been carried
out, and the player is told which commands those were.
"""

from __future__ import annotations

import enum
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn

import trio

from wyld_gateway import limits
from wyld_gateway.errors import NoAnswer, WorldAway
from wyld_gateway.pool import Pool
from wyld_gateway.sessions.lifecycle import Move
from wyld_gateway.sessions.registry import Registry
from wyld_gateway.sessions.session import Session
from wyld_gateway.ticks import Ticks
from wyld_gateway.wording import restart_ahead
from wyld_rpc import frames, wire
from wyld_rpc.errors import (
    CallTimeout,
    LinkBusy,
    LinkClosed,
    OpeningRefused,
    RemoteProtocolError,
    RpcError,
    UnknownEvent,
    VersionMismatch,
    WindowFull,
    WrongKey,
)
from wyld_rpc.messages import (
    METHODS,
    ClientChanged,
    Command,
    Commands,
    DisconnectReason,
    Drain,
    SessionDisconnected,
    Tick,
)
from wyld_rpc.numbering import Epoch
from wyld_rpc.peer import UNKNOWN_METHOD, Peer, open_gateway_side
from wyld_service.log import Event, get_logger
from wyld_service.secret import Secret

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
"""Seconds between attempts to connect, doubling, with full jitter: players wait for the world, and an attempt costs it nothing."""

HOPELESS_PAUSE: Final = 30.0
"""The same after a refusal that only an operator can mend: another key, another version."""

TURN: Final = 16
"""Commands of one session that are taken before it is the next one's turn, when not all can leave at once."""

GOING: Final = "The world is restarting. You stay connected; what you type now is kept."

_METHOD_OF = {params: (method, result) for method, (params, result, _) in METHODS.items()}
_log = get_logger()


class Submission(enum.Enum):
    """What became of a command."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    """Its number was used before: it is under way, or done."""
    GAP = "gap"
    """A number before it is missing."""
    FULL = "full"
    """Too much is unconfirmed; it got no number."""


class WorldLink:
    """One per gateway. Exactly one task runs `run`; any task of the event loop may use the rest.

    Args:
        connect: Opens a connection to the world; raises OSError if it cannot.
        key: The shared link key.
        gateway_id, gateway_epoch: Who we are, and in which life.
        registry: The sessions.
        pool: The way to their clients.
        clock: Seconds since 1970.

    Attributes:
        commands: Commands that left for the world, ever.
        opened: Links ever.
        in_flight: Commands that left and are not confirmed.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[trio.abc.Stream]],
        *,
        key: Secret,
        gateway_id: bytes,
        gateway_epoch: Epoch,
        registry: Registry,
        pool: Pool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connect = connect
        self._key = key
        self._gateway_id = gateway_id
        self._gateway_epoch = gateway_epoch
        self._registry = registry
        self._pool = pool
        self._clock = clock
        self._peer: Peer | None = None
        self._away_since = trio.current_time()
        self._up = trio.Event()
        self._wake = trio.Event()
        self._ticks = Ticks(registry, pool, self._freed)
        self._unsent: deque[Session] = deque()
        self._draining = False
        self._warned = False
        self.commands = 0
        self.opened = 0
        self.in_flight = 0

    @property
    def is_up(self) -> bool:
        return self._peer is not None

    def away_for(self) -> float:
        """Seconds since there was a link, or since the start; 0 while there is one."""
        return 0.0 if self.is_up else trio.current_time() - self._away_since

    async def wait_up(self) -> None:
        """Until there is a link; cancellation changes nothing."""
        await self._up.wait()

    # -- Asking ------------------------------------------------------------------------------------------------

    async def call(self, request: object) -> Any:
        """Ask the world; `request` is one of the parameter classes in `messages.METHODS`. Returns that method's result.

        Raises:
            CallError: The world refused; the subclass is the method's own, and its text is for the player.
            WorldAway: There is no link, or it was lost before the answer came.
            NoAnswer: The answer did not come in time, or makes no sense.

        If cancelled, the world may or may not carry it out.
        """
        if self._peer is None:
            raise WorldAway("there is no link to the world")
        method, result = _METHOD_OF[type(request)]
        try:
            answer = await self._peer.call(method, wire.unstructure(request))
            return wire.structure(result, answer)
        except RpcError as error:
            refusal = wire.error_from_wire(error.code, error.message, error.data)
            raise refusal or NoAnswer(str(error)) from error
        except LinkClosed as error:
            raise WorldAway(error.reason) from error
        except (CallTimeout, LinkBusy, RemoteProtocolError) as error:
            raise NoAnswer(str(error)) from error

    # -- Telling -----------------------------------------------------------------------------------------------

    def submit(self, session: Session, text: str, number: int | None = None) -> Submission:
        """Send a command of a session in play, with the number that its client gave it or with the next one."""
        window = session.commands
        if number is not None and number != window.next:
            return Submission.DUPLICATE if number < window.next else Submission.GAP
        try:
            window.append(text, len(text) if text.isascii() else len(text.encode()), 0.0)
        except WindowFull:
            return Submission.FULL
        session.last_activity = self._clock()
        if session.sent + 1 == window.last:
            self._unsent.append(session)
        self._wake.set()
        return Submission.TAKEN

    def session_disconnected(self, session: Session, reason: DisconnectReason) -> None:
        """Tell the world that the player of this session has gone, after everything that the player said."""
        self._tell(SessionDisconnected(session.id, session.generation, reason))

    def client_changed(self, session: Session) -> None:
        """Tell the world what it may want to know of the session's client."""
        self._tell(ClientChanged(session.id, session.generation, session.metadata.screen_reader))

    def forget(self, session: Session) -> None:
        """The session ends here: nobody waits any more for what the world has to say to its commands."""
        self._freed(session.sent - session.commands.acked)

    def _tell(self, event: SessionDisconnected | ClientChanged) -> None:
        if self._peer is not None:
            self._send_pending(self._peer)
            self._peer.notify(event.KIND, wire.pack_event(event))

    def _freed(self, count: int) -> None:
        self.in_flight -= count
        if self._unsent:
            self._wake.set()

    # -- The link itself ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the link up, for ever. Cancelled, it closes the link and leaves the sessions as they are: the world waits for their
        players to come back."""
        attempt, reported = 0, ""
        while True:
            opened_before = self.opened
            reason, longest_pause = await self._try_one_link()
            self._lose()
            if self.opened > opened_before:
                attempt, reported = 0, ""
            if reason != reported:  # once, not at each attempt
                _log.warning(Event.LINK_DOWN, reason=reason)
                reported = reason
            attempt = min(attempt + 1, 10)  # 2**10 is beyond every pause
            await trio.sleep(random.uniform(0, min(longest_pause, FIRST_PAUSE * 2**attempt)))

    async def _try_one_link(self) -> tuple[str, float]:
        """One link from the connection to its end: why it ended, and how long to wait at most before the next one."""
        try:
            await self._serve_one_link()
        except (WrongKey, VersionMismatch, OpeningRefused) as error:
            return str(error), HOPELESS_PAUSE
        except (OSError, LinkClosed, RemoteProtocolError) as error:
            return str(error), LONGEST_PAUSE
        except Exception as error:
            _log.error(Event.LINK_DOWN, reason="a mistake of this gateway", exc_info=True)
            return repr(error), LONGEST_PAUSE

    async def _serve_one_link(self) -> NoReturn:
        stream = await self._connect()
        opening = open_gateway_side(
            stream,
            key=self._key.reveal().encode(),
            gateway_id=self._gateway_id,
            gateway_epoch=self._gateway_epoch,
            handler=self,
        )
        async with opening as peer:
            self._begin(peer)
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                self._send_pending(peer)

    def _begin(self, peer: Peer) -> None:
        self._peer = peer
        self._ticks = Ticks(self._registry, self._pool, self._freed)
        self._draining = self._warned = False
        self.opened += 1
        self._up.set()
        _log.info(Event.LINK_UP, world=peer.opened.world_epoch.hex())

    def _lose(self) -> None:
        """The link is gone: bring every session in play to its end, without losing its player."""
        if self._peer is None:
            return  # it never was there
        self._peer = None
        self._away_since = trio.current_time()
        self._up = trio.Event()
        self._unsent.clear()
        self.in_flight = 0
        if not self._draining:
            self._pool.broadcast(GOING)
        self._draining = False
        for session in self._registry.in_play():
            client = session.client
            self._registry.move(session, Move.CLOSE, "world lost")
            if client is not None:
                client.playing.cancel()

    def _send_pending(self, peer: Peer) -> None:
        """What is to be said since the last time: at most one frame of acknowledgements and one of commands."""
        acks = self._ticks.take_acks()
        if acks is not None:
            peer.notify(acks.KIND, wire.pack_event(acks))
        if self._unsent and not self._draining:
            commands = self._take_commands()
            if commands:
                peer.notify(Commands.KIND, wire.pack_commands(Commands(commands)))

    def _take_commands(self) -> list[Command]:
        """As many commands as may be under way, in turns of the sessions that have some."""
        taken: list[Command] = []
        room = limits.IN_FLIGHT - self.in_flight
        while self._unsent and room > 0:
            session = self._unsent.popleft()
            if not session.in_play:
                continue
            items = session.commands.replay(session.sent).items
            share = items[: min(TURN, room)]
            taken += [Command(session.id, session.generation, number, text) for number, text in share]
            session.sent += len(share)
            room -= len(share)
            if len(share) < len(items):
                self._unsent.append(session)
        self.in_flight += len(taken)
        self.commands += len(taken)
        return taken

    # -- What comes from the world (`wyld_rpc.peer.Handler`) -----------------------------------------------------

    def on_request(self, request: frames.Request) -> None:
        """The world has nothing to ask of a gateway."""
        if self._peer is not None:
            self._peer.respond_error(
                request.id, UNKNOWN_METHOD, f"a gateway does not answer {request.method!r}"
            )

    def on_event(self, event: frames.Event) -> None:
        """Apply a tick, or take note that the world is about to stop."""
        if event.kind == Tick.KIND:
            self._ticks.receive(wire.unpack_tick(event.body))
            self._wake.set()
        elif event.kind == Drain.KIND:
            self._heed(wire.structure(Drain, event.body))
        else:
            raise UnknownEvent(event.kind)

    def _heed(self, drain: Drain) -> None:
        """The world stops, now or soon."""
        if not 0 <= drain.seconds <= limits.NOTICE:
            raise RemoteProtocolError(f"a stop in {drain.seconds} s")
        if drain.seconds > 0:
            self._pool.broadcast(restart_ahead(drain.seconds, drain.reason), again=self._warned)
            self._warned = True
        else:
            self._draining = True
            self._pool.broadcast(GOING)
