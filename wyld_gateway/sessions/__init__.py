"""Sessions: what stays of a player when the connection goes.

General layout: `lifecycle` is the table of states and moves, `session` one session in memory, `registry` all of them, `claims`
the order of logins that want the same character, `store` the interface to their rows with its PostgreSQL version in
`postgres_store`, and `journal` the task that writes what changed, now or when the database is back.
"""
