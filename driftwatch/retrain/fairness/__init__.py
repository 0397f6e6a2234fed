"""Fairness of the texts a run trains on: who is spoken of, with which words, and what is done about a shift."""
