"""Instruments that look at a running Wyld from outside and judge it: `wyld bench ...`.

General layout, each line may import those above it:

    ledger.py     who sent what, who saw what, and whether both can be true                    (pure)
    arena.py      a small world for it: its area files, its players, what they type, what their screens say  (pure)
    wires.py      the players' ends of telnet and of wyld.v1, bytes in and out                 (pure)
    load.py       the players themselves, one task each
    link_proxy.py a TCP proxy between gateway and world that can be cut and frozen
    game.py       the processes under test: PostgreSQL, world, gateways
    faults.py     what is done to them
    chaos.py      one run: start, play, disturb, drain, judge
    report.py     what the person at the terminal sees of it

Nothing here uses the codecs of the gateway or the world: a judge that shares a parser with the accused shares its mistakes.
"""
