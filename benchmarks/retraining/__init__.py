"""Measures retraining: what is collected and trained, what it costs, what it gains and forgets."""
