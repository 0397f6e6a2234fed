"""Benchmarks of policies."""
