"""Stops memory regressions: measures a scenario in rounds, decides, and tells what leaks."""
