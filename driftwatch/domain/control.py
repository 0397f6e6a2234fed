"""How commands on the same machine reach the daemon."""

SOCKET = "control.sock"
"""Name of the daemon's own socket in its state folder; only the folder's user and root can open it."""
