"""Room: retrain."""
