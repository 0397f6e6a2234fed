"""Readers of suites: each published one in its publisher's format, and a table of one's own."""
