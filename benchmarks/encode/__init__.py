"""What an embedding and a loss cost, against what a user of transformers would write."""
