"""What is measured on texts: embeddings, token counts, the champion's loss. Loaded in the worker and in jobs only."""
