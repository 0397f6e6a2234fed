"""Room: alert."""
