"""Drills: drift of a known kind, mixed into a shadow of the stream, to see how soon it is detected."""
