"""The telnet options that this gateway speaks, one module each.

General layout: `base` says what an option is to the connection. The other modules are named after their
option and hold its codec and, where an option has any, its state. None of them does I/O or knows another
option; `wyld_gateway.telnet.connection` puts them together.
"""
