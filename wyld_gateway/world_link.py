"""The link to the world: always up, or coming back by itself.

`run` connects, opens the link, agrees with the world where every session stands (`reconcile`), serves the link until it breaks, and
begins again, with growing pauses. Everybody else uses three things, whatever state it is in:

- `call` asks the world something and raises `WorldAway` if there is no link; `wait_up` waits for one.
- `submit` takes a command. It is numbered and kept until the world has confirmed it; all commands of one pass of the event loop
  leave in one frame, together with the acknowledgements of the ticks that came in. Nobody waits for anything here.
- What the world does comes in ticks, which `ticks` applies.

A lost link changes nothing for a session in play. Its commands wait in their windows, and after a while in the database too
(`sessions.command_queue`); what the players hear of it is in `absence`. What is to be said of a session beside its commands waits as
well, until there is a link and its commands have left.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, TypeAlias

import trio

from wyld_gateway import limits
from wyld_gateway.absence import Absence
from wyld_gateway.close import Close
from wyld_gateway.errors import NoAnswer, WorldAway
from wyld_gateway.pool import Pool
from wyld_gateway.reconcile import reconcile
from wyld_gateway.sessions.command_queue import CommandQueue
from wyld_gateway.sessions.lifecycle import Move
from wyld_gateway.sessions.registry import Registry
from wyld_gateway.sessions.session import Session
from wyld_gateway.submissions import Submission, Submissions
from wyld_gateway.ticks import Ticks
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
    WrongKey,
)
from wyld_rpc.messages import (
    ENDS_SESSION,
    METHODS,
    ClientChanged,
    Commands,
    DisconnectReason,
    Drain,
    SessionDisconnected,
    SessionId,
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

_About: TypeAlias = SessionDisconnected | ClientChanged

_METHOD_OF = {params: (method, result) for method, (params, result, _) in METHODS.items()}
_log = get_logger()


class WorldLink:
    """One per gateway. Exactly one task runs `run`; any task of the event loop may use the rest.

    Args:
        connect: Opens a connection to the world; raises OSError if it cannot.
        key: The shared link key.
        gateway_id, gateway_epoch: Who we are, and in which life.
        registry: The sessions.
        pool: The way to their clients.
        queue: Where commands are safe while the world is away.
        clock: Seconds since 1970.

    Attributes:
        opened: Links ever.
        submissions: The commands on their way.
        absence: What players hear of a world that is away.
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
        queue: CommandQueue,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connect = connect
        self._key = key
        self._gateway_id = gateway_id
        self._gateway_epoch = gateway_epoch
        self._registry = registry
        self._pool = pool
        self._queue = queue
        self._peer: Peer | None = None
        self._away_since = trio.current_time()
        self._up = trio.Event()
        self._wake = trio.Event()
        self._draining = False
        self._untold: dict[tuple[SessionId, str], tuple[Session, _About]] = {}
        self.opened = 0
        self.absence = Absence(pool)
        self.submissions = Submissions(clock)
        self._ticks = Ticks(registry, pool, self.submissions, self.absence)

    @property
    def is_up(self) -> bool:
        """Whether the world is there and knows about our sessions."""
        return self._up.is_set()

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
        if self._peer is None or not self.is_up:
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
        submission = self.submissions.submit(session, text, number)
        if submission is Submission.TAKEN:
            self._queue.note(session)
            self._wake.set()
        return submission

    def session_disconnected(self, session: Session, reason: DisconnectReason) -> None:
        """Tell the world that the player of this session has gone, after everything that the player said. If that ends the session,
        it is closed here when all its commands are carried out and the world has been told; until then it must be Disconnected."""
        self._tell(session, SessionDisconnected(session.id, session.generation, reason))

    def client_changed(self, session: Session) -> None:
        """Tell the world what it may want to know of the session's client."""
        self._tell(session, ClientChanged(session.id, session.generation, session.metadata.screen_reader))

    def _tell(self, session: Session, about: _About) -> None:
        self._untold[session.id, about.KIND] = session, about
        if self._peer is not None and self.is_up:
            self._send_pending(self._peer)

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
        except (OSError, LinkClosed, RemoteProtocolError, RpcError, CallTimeout) as error:
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
            await self._queue.close()
            await reconcile(peer, self._ticks, self._registry, self._pool, self.submissions)
            self._go_on(peer)
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                self._send_pending(peer)

    def _begin(self, peer: Peer) -> None:
        """The link is open, and nothing has come over it."""
        self._peer = peer
        self._ticks.begin_link()
        self.absence.hold()

    def _go_on(self, peer: Peer) -> None:
        """The world knows where everything stands, and so do we."""
        self.opened += 1
        self.submissions.begin_link(self._registry.in_play())
        self._up.set()
        self._send_pending(peer)
        self.absence.end()
        _log.info(Event.LINK_UP, world=peer.opened.world_epoch.hex())

    def _lose(self) -> None:
        """The link is gone. Nobody in play loses anything by that."""
        if self._peer is None:
            return  # it never was there
        self._peer = None
        self._draining = False
        if self.is_up:
            self._away_since = trio.current_time()
            self._up = trio.Event()
        self.submissions.end_link(self._registry.in_play())
        self._queue.open(self._registry.in_play())
        self.absence.begin()

    def _send_pending(self, peer: Peer) -> None:
        """What is to be said since the last time: at most one frame of acknowledgements and one of commands, and what is to be said
        of sessions whose commands have all left."""
        acks = self._ticks.take_acks()
        if acks is not None:
            peer.notify(acks.KIND, wire.pack_event(acks))
        if self._draining:
            return
        if self.submissions.waiting:
            commands = self.submissions.take()
            if commands:
                peer.notify(Commands.KIND, wire.pack_commands(Commands(commands)))
        if self._untold:
            self._tell_untold(peer)

    def _tell_untold(self, peer: Peer) -> None:
        for key, (session, about) in list(self._untold.items()):
            ends = isinstance(about, SessionDisconnected) and about.reason in ENDS_SESSION
            # What ends a session waits until nothing of it has to be sent again.
            done = session.commands.acked if ends else session.sent
            if session.in_play and done < session.commands.last:
                continue
            del self._untold[key]
            peer.notify(about.KIND, wire.pack_event(about))
            if ends and session.in_play:
                self._registry.move(session, Move.CLOSE, Close.QUIT.value)

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
            self.absence.warn(drain.seconds, drain.reason)
        else:
            self._draining = True
            self.absence.announce()
