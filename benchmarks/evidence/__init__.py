"""The evidence measured: false alarms against the budget, delays, blocks, duplicates, scenarios and cost."""
