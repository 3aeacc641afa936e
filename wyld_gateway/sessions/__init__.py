"""Sessions: what stays of a player when the connection goes.

General layout: `lifecycle` is the table of states and moves, `session` one session in memory, `registry` all of them, `claims`
the order of logins that want the same character, `store` the interface to their rows with its PostgreSQL version in
`postgres_store`, `row_writer` the task that writes what changed, now or when the database is back, `tidying` the one that closes and
deletes rows, and `command_queue` the one that keeps commands safe while the world is away.
"""
