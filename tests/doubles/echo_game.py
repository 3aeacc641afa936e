"""A small game behind the real WebSocket front: enough to drive the adapter and the page through everything they can show.

It has the shape of the real dialogue (account, password, character in play) and no world. Commands, once in play:

    say ...     echoed as speech             tour        one output of every kind, and every state
    flood N     N lines                      hurt        the health state changes
    hush        no acknowledgements more     detach      back to the login, as when the world is lost
    quit        goodbye, do not come back    kick        replaced by another connection
    drop        the transport is cut without a word
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from wyld_gateway.adapter import DisconnectedMessage, ErrorMessage, ProtocolAdapter, TextMessage
from wyld_gateway.close import Close
from wyld_gateway.errors import HandshakeFailed, TransportBroken
from wyld_gateway.player_socket import PlayerListener, PlayerSocket, open_player_listeners
from wyld_gateway.websocket.front import serve_http
from wyld_gateway.websocket.pages import load_pages
from wyld_rpc.messages import (
    Combat,
    EntityStateUpdate,
    FormattedText,
    GameOutput,
    RoomDescription,
    Span,
    StateUpdateType,
    Structured,
    System,
    Text,
)
from wyld_service.metrics import Health
from wyld_service.units import Address

HOSTILE: Final = '<img src=x onerror="document.title=1"> javascript:alert(1) \x1b[31mred\x1b[0m \u202eevil'

ROOM: Final = RoomDescription(
    "The Green",
    "Short grass, wet with dew, around a well of grey stone. Somebody has left a bench under the lime tree, and the smell of bread "
    "comes over from the mill road.",
    ("north", "east", "mill"),
    ("Tobin the miller", "a straw dummy"),
    ("a brass lantern", "three apples"),
)

TOUR: Final[tuple[GameOutput, ...]] = (
    ROOM,
    Text("A cart rattles past, and its driver nods to you."),
    Text('Tobin says, "Mind the dog. See https://example.org/dog, it bites."', "say"),
    Text("[ooc] Ann: evening, all", "ooc"),
    FormattedText(
        (Span("You see "), Span("a brass lantern", "item"), Span(", "), Span("lit", "emphasis"), Span("."))
    ),
    FormattedText((Span("  /\\_/\\\n ( o.o )\n  > ^ <"),), decor=True),
    Structured("who", {"players": ["Ann", "Ben"]}, "In the world: 2\nAnn\nBen"),
    Combat("you", "the straw dummy", "strike", 5, critical=True),
    Text(HOSTILE),
    System("Your character is saved."),
)

STATES: Final = (
    EntityStateUpdate(
        StateUpdateType.STATS,
        {
            "name": "Ann",
            "race": "human",
            "class": "ranger",
            "hp": 20,
            "maxhp": 20,
            "attributes": {"strength": 4, "wits": 6},
        },
    ),
    EntityStateUpdate(
        StateUpdateType.POSITION,
        {
            "room": "green",
            "name": "The Green",
            "area": "Millbrook",
            "exits": {"north": "mill", "east": "lane"},
        },
    ),
    EntityStateUpdate(StateUpdateType.STATUS_EFFECTS, {"effects": [{"name": "wet", "until": 1.0}]}),
    EntityStateUpdate(StateUpdateType.EQUIPMENT, {"head": "a straw hat"}),
    EntityStateUpdate(StateUpdateType.INVENTORY, {"items": [{"id": "00", "name": "apple", "count": 3}]}),
    EntityStateUpdate(StateUpdateType.CUSTOM, {"phase": "full"}, "moon"),
)


@attrs.define
class EchoGame:
    """What came in, for assertions; shared by all connections."""

    commands: list[str] = attrs.field(factory=list)
    logins: list[tuple[str, str]] = attrs.field(factory=list)
    endings: list[Close] = attrs.field(factory=list)
    _dialogues: list[_Dialogue] = attrs.field(factory=list)

    async def play(self, adapter: ProtocolAdapter) -> None:
        """One connection, as the gateway's own code would have it."""
        try:
            await adapter.open()
        except HandshakeFailed:
            await adapter.aclose(Close.PROTOCOL)
            return
        dialogue = _Dialogue(self, adapter)
        self._dialogues.append(dialogue)
        ending = await dialogue.run()
        self._dialogues.remove(dialogue)
        self.endings.append(ending)
        if ending is not Close.RESET:
            await adapter.aclose(ending)

    async def happen(self, command: str) -> None:
        """Run a command for everybody who is connected, as if the game had thought of it."""
        for dialogue in self._dialogues:
            await dialogue.obey(command, 0)


class _Dialogue:
    def __init__(self, game: EchoGame, adapter: ProtocolAdapter) -> None:
        self.game = game
        self.adapter = adapter
        self.sent = 0
        self.hushed = False

    async def run(self) -> Close:
        try:
            await self.greet()
            account = None
            while True:
                for message in await self.adapter.receive():
                    match message:
                        case DisconnectedMessage(close):
                            return close
                        case ErrorMessage(text, Close() as close):
                            await self.say_goodbye(close, text)
                            return close
                        case TextMessage(line, None) if account is None:
                            account = line
                            await self.ask_for_password()
                        case TextMessage(line, None):
                            self.game.logins.append((account or "", line))
                            await self.enter()
                        case TextMessage(line, int() as number):
                            self.game.commands.append(line)
                            ending = await self.obey(line, number)
                            if ending is not None:
                                return ending
        except TransportBroken:
            return Close.RESET

    async def greet(self) -> None:
        welcome = "Welcome to Wyld.\nA valley, a mill, and a road that goes on after dark."
        await self.send(self.adapter.encode_notice(welcome), prompt="Account name: ")

    async def ask_for_password(self) -> None:
        await self.send(self.adapter.encode_echo(on=False), prompt="Password: ")

    async def enter(self) -> None:
        self.sent = 0
        await self.send(
            self.adapter.encode_echo(on=True),
            self.adapter.encode_attached(b"\1" * 16, 1),
            self.output(ROOM),
            prompt="20/20 hp> ",
        )

    async def obey(self, line: str, number: int) -> Close | None:
        verb, _, rest = line.partition(" ")
        parts: list[bytes] = []
        match verb:
            case "say":
                parts.append(self.output(Text(f'You say, "{rest}"', "say")))
            case "tour":
                parts += [self.output(output) for output in TOUR]
                parts += [self.adapter.encode_state(state) for state in STATES]
            case "hurt":
                hurt = {**STATES[0].data, "hp": 4}
                parts.append(self.adapter.encode_state(attrs.evolve(STATES[0], data=hurt)))
            case "flood":
                parts += [self.output(Text(f"Line {i} of {rest}.")) for i in range(1, int(rest) + 1)]
            case "hush":
                self.hushed = True
            case "detach":
                parts.append(self.adapter.encode_detached())
            case "quit":
                await self.say_goodbye(Close.QUIT, "Goodbye.")
                return Close.QUIT
            case "kick":
                await self.say_goodbye(
                    Close.REPLACED, "This character is now played from another connection. Goodbye."
                )
                return Close.REPLACED
            case "drop":
                raise TransportBroken("asked for")
            case _:
                parts.append(self.output(System(f'There is no command "{verb}".')))
        if not self.hushed:
            parts.append(self.adapter.encode_ack(number))
        await self.send(*parts)
        return None

    def output(self, output: GameOutput) -> bytes:
        self.sent += 1
        return self.adapter.numbered(self.adapter.render(output), self.sent)

    async def say_goodbye(self, close: Close, text: str) -> None:
        await self.send(self.adapter.encode_bye(close, text))

    async def send(self, *parts: bytes, prompt: str | None = None) -> None:
        await self.adapter.send_all(self.adapter.compose(parts, prompt, prompt_changed=prompt is not None))


@asynccontextmanager
async def serve_echo_game(game: EchoGame, port: int = 0) -> AsyncIterator[PlayerListener]:
    """The game on a real port of this machine, with the real page, until the block ends."""
    pages = load_pages()

    async def serve(stream: PlayerSocket) -> None:
        await serve_http(stream, peer=stream.peer, pages=pages, health=Health(), on_connection=game.play)

    (listener,) = await open_player_listeners([Address("127.0.0.1", port)])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield listener
        nursery.cancel_scope.cancel()
