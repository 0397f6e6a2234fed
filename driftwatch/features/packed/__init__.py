"""Encoders of BERT's family without padding and without transformers: the same embeddings, several times cheaper."""
