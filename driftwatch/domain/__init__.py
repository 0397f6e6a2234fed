"""Values, protocols and errors: what every other room speaks in. Standard library and numpy only."""
