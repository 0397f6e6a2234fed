"""Measures bias checks: their agreement with peers, their cost, what the gate refuses and what it lets through."""
