"""The command line of Wyld: `wyld up`, `wyld gateway`, `wyld world`, `wyld status`.

General layout. `cli` holds the command group, `commands/` one file per command. `foreground` runs one process in the
foreground. `up` starts everything in one terminal: `data_folder` (where it all lives), `embedded` (PostgreSQL),
`supervisor` and `backoff` (child processes kept running), `reload` (the world restarted when its files change).
`processes` finds those that run and asks how they are; on it stand `report` (what `wyld status` concludes) and
`world_restart`. `console` is what the user sees, `errors` what ends a command. This package may import the other four; none of them
imports it.
"""
