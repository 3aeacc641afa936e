from __future__ import annotations

import trio
from doubles.plain_client import PlainClient
from doubles.running_gateway import open_running_gateway

from wyld_gateway.metrics import LINK_PATIENCE, health, readings
from wyld_service.metrics import make_registry


async def test_every_number_changes_with_what_it_counts(autojump_clock):
    async with open_running_gateway() as running:
        registry = make_registry(readings(running.gateway))

        def value(name, **labels):
            return registry.get_sample_value(name, labels)

        assert value("wyld_connections", transport="telnet") == 0
        player = await running.play("Bron")
        await running.play("Cato", PlainClient(numbers=True))
        visitor = running.connect()
        await visitor.sees("<Account: >")
        player.type("look")
        await player.sees("you: look")

        assert value("wyld_connections", transport="telnet") == 2
        assert value("wyld_connections", transport="websocket") == 1
        assert value("wyld_connections_opened_total") == 3
        assert value("wyld_sessions", state="Playing") == 2
        assert value("wyld_sessions", state="Authenticating") == 1
        assert value("wyld_link_up") == 1
        assert value("wyld_links_total") == 1
        assert value("wyld_commands_total") == 1
        assert value("wyld_outputs_total") == 3
        running.world.echoes = running.store.available = False
        player.type("look")
        await trio.sleep(1)
        assert value("wyld_link_unacked") == 1
        player.hang_up()
        await player.gone()
        assert value("wyld_session_rows_waiting") == 1
        assert value("wyld_sessions", state="Disconnected") == 1


async def test_world_that_restarts_leaves_the_gateway_ready(autojump_clock):
    async with open_running_gateway() as running:
        await trio.sleep(3)
        state = health(running.gateway, lambda: True)
        assert [str(part) for part in state.ready()] == ["link: ok - up", "store: ok - reachable"]

        running.world.restart(away=True)
        await trio.sleep(LINK_PATIENCE / 2)
        assert all(part.ok for part in state.ready())

        await trio.sleep(LINK_PATIENCE)
        assert [part.ok for part in state.ready()] == [False, True]


async def test_absent_database_is_not_ready(autojump_clock):
    async with open_running_gateway() as running:
        await trio.sleep(3)

        parts = list(health(running.gateway, lambda: False).ready())

        assert [part.ok for part in parts] == [True, False]
