"""Collect: which stored texts a run trains on and is judged by, and the card that says so."""
