"""`wyld.reload` with real files and the operating system's notices about them."""

from pathlib import Path

import pytest
import trio

from wyld.console import Console
from wyld.reload import restart_on_change

pytestmark = pytest.mark.process


async def test_readable_change_restarts_and_an_unreadable_one_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    send, restarted = trio.open_memory_channel[None](10)
    area, draft = tmp_path / "town.toml", tmp_path / "draft"
    said = ""

    async def write_until(text: str, condition: str) -> None:
        """Write again and again: nobody tells when the watching has begun."""
        nonlocal said
        with trio.fail_after(30):
            while condition not in said:
                # In one step, as careful editors do: half a file might be readable.
                draft.write_text(text)
                draft.replace(area)
                await trio.sleep(0.3)
                said += capsys.readouterr().err

    async with trio.open_nursery() as nursery:
        nursery.start_soon(restart_on_change, tmp_path, lambda: send.send_nowait(None), Console())

        await write_until("x = \n", "the world goes on as it was: town.toml: ")
        assert restarted.statistics().current_buffer_used == 0

        await write_until("x = 1\n", "The world restarts: town.toml changed.")
        await restarted.receive()
        nursery.cancel_scope.cancel()


async def test_folder_that_cannot_be_watched_is_said_and_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trio.move_on_after(0.5) as waiting:
        await restart_on_change(tmp_path / "missing", lambda: None, Console())

    assert waiting.cancelled_caught
    assert "are not noticed here: " in capsys.readouterr().err
