"""Measures bias: scores beside their peers, the gate against planted and neutral fine-tunes, mitigation."""
