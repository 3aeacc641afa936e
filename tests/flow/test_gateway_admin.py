"""What a gateway says of itself to an operator."""

from __future__ import annotations

import pytest
import trio
from doubles.running_gateway import open_running_gateway

from wyld_gateway.admin import Admin
from wyld_service.control import Arguments
from wyld_service.status import STATUS, GatewayStatus


def status(admin):
    return GatewayStatus.from_json(admin.verbs()[STATUS].run(Arguments({})))


async def test_it_tells_who_is_there_and_who_is_missed(autojump_clock):
    async with open_running_gateway() as running:
        admin = Admin(running.gateway, lambda: True)
        await running.play("Bron")
        for name in ("Ann", "Ben"):
            (await running.play(name)).hang_up()
            await trio.sleep(20)
        running.connect()
        await trio.sleep(1)

        told = status(admin)

    assert told.link_up
    assert told.database_ok
    assert told.connections == {"telnet": 2, "websocket": 0}
    assert told.sessions == {
        "Connecting": 0,
        "Authenticating": 1,
        "CharacterSelection": 0,
        "Playing": 1,
        "Disconnected": 2,
    }
    assert told.oldest_detached_seconds == pytest.approx(41, abs=1)


async def test_it_tells_that_world_and_database_are_away(autojump_clock):
    async with open_running_gateway() as running:
        admin = Admin(running.gateway, lambda: False)
        await trio.sleep(1)
        running.world.restart(away=True)
        await trio.sleep(20)

        told = status(admin)

    assert not told.link_up
    assert told.link_away_seconds == pytest.approx(20, abs=1)
    assert not told.database_ok
    assert told.oldest_detached_seconds is None
