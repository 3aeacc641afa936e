"""What both processes stand on: settings, log, metrics, control socket and the database. It imports nothing of ours.

General layout:

- `errors`: every error of this package, under `ServiceError`.
- `secret`, `units`: the types of setting values.
- `settings`: the sections of `wyld.toml`; `sources`: reading them from file, environment and command line.
- `log`: one event, one line on standard error. `announce`: addresses and `Ready.` on standard output.
- `listening`: binding addresses. `metrics`: the port with numbers and health, for machines.
- `control`: the socket on which an operator asks a process something; `status`: what it says of itself there.
- `postgres`: the only place that opens database connections; `cancellable` stands behind it and knows how to end a
  query. `schema`: `schema.sql`, applied.
"""
