"""The gateway: it keeps players connected and knows no rule of any game.

General layout, from the outside in:

- `app` runs everything: listeners, the link, the timers, and the order in which they stop.
- `player_socket` accepts TCP connections. `telnet/` and `websocket/` turn what a client speaks into the one interface of
  `adapter`, with `terminal/` for colours and line widths; `web/` is the page that a browser gets.
- `connection` is the lifetime of one connection: `login` until it plays (with `dialogue` for questions and answers and `creation`
  for new characters), then lines to the world until it ends.
- `client` is what the rest of the gateway may do to a connection: put output on its way, or end it. `pool` has all of them.
- `sessions/` is what outlives a connection: its states, its numbers, its row in the database.
- `world_link` is the link to the world, always up or coming back.
- `limits` and `metrics`: what one connection may cost, and what an operator sees.

It may import `wyld_rpc` and `wyld_service`, never `wyld_world`.
"""
