"""From where production text is to the store: sources, redaction, sampling, one commit."""
