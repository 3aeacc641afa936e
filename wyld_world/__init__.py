"""The world server: accounts, characters, rooms and commands. It knows no socket of a player.

General layout, from the inside out; each line imports only lines above it:

    model/  commands/  areas/   the game itself: plain functions on an in-memory model (pure)
    errors.py                   what can end the process or a link
    sessions.py                 what was applied and what was sent, per session (pure)
    ticks.py  gateways.py       one gateway: the ticks it gets, and what it asked for (pure)
    outlet.py                   the words of one command, held back until it has succeeded (pure)
    attempts.py                 running code of the game so that a mistake in it is undone (pure but for its log)
    store.py                    what the database must do for the world; postgres_store.py does it
    committer.py                makes turns durable, then releases them
    requests.py                 the engine's answers to the gateways' requests
    engine.py                   the single-writer loop
    passwords.py  accounts.py   who may log in
    link.py                     one connection of a gateway
    running.py                  the world without its edges; metrics.py: what an operator sees of it
    restart.py  admin.py        what an operator can ask of it
    app.py                      `serve`: the whole nursery tree

The way of a command: `link` puts it into its gateway's inbox, `engine` runs it in a turn, `outlet` numbers what it said, the turn
is released at once or after `committer` has made it durable, and `gateways` keeps the tick until it is acknowledged.
"""
