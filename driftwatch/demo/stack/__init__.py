"""Prometheus, Alertmanager and the daemon side by side on loopback, with the shipped files and text that drifts."""
