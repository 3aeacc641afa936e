"""Test doubles: in-memory twins of what needs a database, a network or a real clock."""
