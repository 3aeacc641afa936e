"""One file per command: its options, its help, and the call that does the work.

Each module has one click command named `command`, which `wyld.cli` adds to the group. What only the running command
needs is imported when it runs: a gateway must not pay for the world, nor break with it while its author edits it.
`options` holds what several of them share.
"""
