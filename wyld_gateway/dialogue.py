"""Questions and answers with one client, while it does not play.

Lines may come before they are asked for: a script sends its whole login in one packet. They wait in `Client.lines` and answer the
questions in their order; nothing that was typed is dropped because we were busy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, TypeVar

import trio

from wyld_gateway import limits, verbs
from wyld_gateway.adapter import CredentialsMessage
from wyld_gateway.client import Client, ConnectionEnded
from wyld_gateway.close import Close
from wyld_gateway.errors import RemoteError
from wyld_rpc.messages import CallError
from wyld_service.errors import StoreError

T = TypeVar("T")

GOODBYE: Final = "Goodbye."
TOO_MANY_LINES: Final = "Too many lines are waiting; the last ones were not kept."

_EXPECTED: Final = (RemoteError, CallError, StoreError)


class CredentialsGiven(RemoteError):
    """The client signed in by itself instead of answering: leave the question, which stands no longer."""

    def __init__(self, credentials: CredentialsMessage) -> None:
        self.credentials = credentials
        super().__init__("credentials")


class Dialogue:
    """With one client; belongs to the connection's own task.

    Every method that waits raises `ConnectionEnded` when the client goes, or says "quit".
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.takes_credentials = False
        """Whether a client may answer a question by signing in by itself."""

    def say(self, text: str) -> None:
        """Tell the client something, with the next question or at the end of the step."""
        self._client.notice(text)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """The client's answer, without spaces around it unless it is secret. Secret answers are not shown while they are typed.

        Raises `CredentialsGiven` if the client gives those instead, while `takes_credentials`.
        """
        client = self._client
        if secret:
            client.stage(client.adapter.encode_echo(on=False))
        client.set_prompt(prompt)
        client.flush()
        try:
            line = await self._next_line(verbatim=secret)
        finally:
            if secret:
                client.stage(client.adapter.encode_echo(on=True))
        client.set_prompt(None)
        if secret:
            return line
        line = line.strip()
        if _is_quit(line):
            raise ConnectionEnded(Close.QUIT, GOODBYE)
        return line

    async def meanwhile(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` to its end while reading what the client types, so that its going is noticed and its lines are kept.

        Raises what `work` raises. `work` is cancelled if the client goes.
        """
        results: list[T] = []
        failures: list[Exception] = []
        async with trio.open_nursery() as nursery:

            async def first_to_end(step: Callable[[], Awaitable[T]]) -> None:
                # Caught here, because what leaves a nursery comes as a group; what nobody expects may do so.
                try:
                    results.append(await step())
                except _EXPECTED as error:
                    failures.append(error)
                nursery.cancel_scope.cancel()

            nursery.start_soon(first_to_end, work)
            nursery.start_soon(first_to_end, self._keep_lines)
        if failures:
            raise failures[0]
        return results[0]

    async def _next_line(self, *, verbatim: bool) -> str:
        lines = self._client.lines
        while True:
            given, self._client.credentials = self._client.credentials, None
            if given is not None and self.takes_credentials:
                self._client.set_prompt(None)
                raise CredentialsGiven(given)
            while lines:
                message = lines.popleft()
                if message.number is not None:
                    continue  # it was meant for a world that is gone
                if verbatim or not verbs.is_verb(message.line):
                    return message.line
                verbs.answer(self._client, message.line)
            await self._client.receive()

    async def _keep_lines(self) -> NoReturn:
        lines = self._client.lines
        while True:
            verbs.answer_waiting(self._client)
            await self._client.receive()
            if self._client.wait is not None and len(lines) == 1 and _is_quit(lines[0].line):
                raise ConnectionEnded(Close.QUIT, GOODBYE)  # nobody who wants to leave has to wait for that
            if len(lines) > limits.WAITING_LINES:
                while len(lines) > limits.WAITING_LINES:
                    lines.pop()
                self._client.notice(TOO_MANY_LINES)
                self._client.flush()


def _is_quit(line: str) -> bool:
    return line.strip().lower() == "quit"
