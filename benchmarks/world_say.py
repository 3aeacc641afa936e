"""What one `say` costs the world's engine: from the commands of a frame to the ticks on the link, without network and database.

    python benchmarks/world_say.py [PLAYERS] [COMMANDS_A_FRAME]

All players stand in one room, so with 100 of them each command makes 100 deliveries. Prints microseconds a command.
"""

from __future__ import annotations

import random
import sys
import time

import trio

from wyld_rpc import wire
from wyld_rpc.frames import encode_event
from wyld_rpc.messages import (
    AccountId,
    CharacterCreationData,
    Command,
    Commands,
    CreateCharacter,
    EntityId,
    SelectCharacter,
    SessionId,
)
from wyld_rpc.numbering import Epoch
from wyld_world.areas import STARTER_FOLDER, load
from wyld_world.attempts import Attempts
from wyld_world.committer import Turn
from wyld_world.engine import Clocks, Engine, TurnLimits
from wyld_world.gateways import Asked, Gateway, Gateways
from wyld_world.model.journal import Journal
from wyld_world.model.world import World
from wyld_world.sessions import Sessions

SECONDS = 2.0


class Wire:
    """A link that makes the frames and throws them away."""

    def send(self, kind: str, body: bytes) -> None:
        encode_event(kind, body)

    def answer(self, _request_id: int, result: object) -> None:
        if isinstance(result, Exception):
            raise result

    def end(self, reason: str) -> None:
        raise RuntimeError(reason)


class ReleaseAtOnce:
    """In place of the committer: nothing waits for a database."""

    unprotected_since = None

    def add(self, turn: Turn) -> None:
        turn.release()


async def measure(players: int, batch: int) -> None:
    world = World(load(STARTER_FOLDER))
    sessions, gateways = Sessions(), Gateways()
    engine = Engine(
        Attempts(world, Journal(world), sessions, random.Random(1)),
        sessions,
        gateways,
        ReleaseAtOnce(),  # type: ignore[arg-type]
        accounts={AccountId(number.to_bytes(16)) for number in range(players)},
        detached_ttl=900.0,
        limits=TurnLimits(),
        clocks=Clocks(),
    )
    link = Wire()
    gateway = Gateway(bytes(16), Epoch(bytes(8)), link)
    engine.gateway_linked(gateway)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        for number in range(players):
            engine.put(gateway, Asked(link, 0, creation(world, number)))
            key = number.to_bytes(16)
            select = SelectCharacter(SessionId(key), 1, AccountId(key), EntityId(key))
            engine.put(gateway, Asked(link, 0, select))
        while gateway.inbox:
            await trio.lowlevel.checkpoint()

        commands, began = 0, time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            body = wire.pack_commands(
                Commands(
                    [
                        Command(
                            SessionId((number % players).to_bytes(16)),
                            1,
                            number // players + 1,
                            "say hello there",
                        )
                        for number in range(commands, commands + batch)
                    ]
                )
            )
            for command in wire.unpack_commands(body).commands:
                engine.put(gateway, command)
            while gateway.inbox:
                await trio.lowlevel.checkpoint()
            commands += batch
            gateway.unacked.ack(gateway.unacked.released)
            for session in sessions.by_id.values():
                session.outputs.ack(session.outputs.last)
        cost = (time.perf_counter() - began) / commands * 1e6
        nursery.cancel_scope.cancel()
    sys.stdout.write(f"{players} players, {batch} commands a frame: {cost:.1f} us a command\n")


def creation(world: World, number: int) -> CreateCharacter:
    choices = world.choices
    attributes = {choice.name: choices.attribute_minimum for choice in choices.attributes}
    points = choices.attribute_points
    for name in attributes:
        spent = min(points, choices.attribute_maximum - choices.attribute_minimum)
        attributes[name] += spent
        points -= spent
    letters = "".join(chr(ord("a") + int(digit)) for digit in f"{number:06}")
    data = CharacterCreationData(f"p{letters}", choices.races[0].name, choices.classes[0].name, attributes)
    key = number.to_bytes(16)
    return CreateCharacter(EntityId(key), SessionId(key), AccountId(key), data)


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    trio.run(measure, *(arguments + [1, 64][len(arguments) :]))
