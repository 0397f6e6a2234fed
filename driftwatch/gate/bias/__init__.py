"""Bias of models: suites of paired sentences, models' scores on them, and the gate that judges the change."""
