"""The contract between the gateway and the world, and the link that carries it.

General layout, in the order in which to read it:

- `errors` - everything this package raises.
- `frames` - bytes to `Request`, `Response` and `Event`, and back.  Pure.
- `messages` - what the two processes say to each other, as classes.  Pure.
- `wire` - those classes to plain values and back.  Pure.
- `numbering` - `SendWindow` and `ReceiveCursor`: who has which message.  Pure.
- `opening` - the two ends of the handshake, as state machines.  Pure.
- `peer` - one end of a link over any Trio stream: calls, events, heartbeat.  The only module that knows Trio.

Nothing here imports another package of this project, and nothing here writes a log line: a link that ends
says why in the exception that leaves its block, and whoever opened the link logs it once.
"""
