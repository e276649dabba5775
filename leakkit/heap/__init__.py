"""Reads a snapshot's heap: garbage, cycles, dominators, retaining paths, growth, experiments on paper."""
