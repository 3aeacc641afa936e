"""Players in browsers, and programs that speak wyld.v1.

General layout, from the core outwards:

- `protocol.py`: wyld.v1 itself, frames to events and messages to bytes. Pure.
- `handshake.py`: is this request a WebSocket of ours (RFC 6455, 4.2), and the answer to it. Pure.
- `transport.py`: trio-websocket with what it lacks: reading that nothing blocks, close codes for broken frames.
- `adapter.py`: the two above as a `ProtocolAdapter`.
- `pages.py`: the files of the web terminal, loaded once. Pure but for that.
- `front.py`: one HTTP connection: page, health, upgrade.

Only `front.py` and `adapter.py` are for the rest of the gateway; no type of trio-websocket or h11 leaves this package.
"""
