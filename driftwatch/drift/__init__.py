"""Room: drift."""
