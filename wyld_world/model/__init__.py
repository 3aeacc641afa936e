"""The world in memory: rooms, doors, items, characters, and the one way to change them.

Pure and synchronous: nothing here imports trio, reads a clock, opens a file or a socket. The time and the source of chance are
arguments, so that the same state, command, time and seed always give the same result.

General layout, each module importing only from those above it:

- `rows`: what the database stores of a thing, as plain frozen classes.
- `prototypes`: what the area files say: the frozen descriptions that things are made from.
- `channels`: what people talk on.
- `wording`: rules for text that players write, and the small grammar of what they read.
- `things`: the things themselves: `Room`, `Exit`, `Door`, `Item`, `Character`, `Npc`.
- `persistence`: things to rows and back.
- `creation`: what a new character may be called and look like.
- `stacks`: moving items so that counted ones lie in piles.
- `world`: `World`, everything that exists and where it is.
- `journal`: `Journal`, through which every change of a thing goes; undo and durability come from it.
- `outlet`: `Outlet`, what the world needs of whoever carries its words to players, and `Context`, all that a command gets.
- `views`, `states`: what a player sees; what a player's client is told to be true.
- `effects`, `movement`, `residents`, `presence`: passing conditions; walking; the characters of the house; coming and going.
- `heartbeat`: what happens by itself.

docs/world-authoring.md shows how to use all this.
"""
