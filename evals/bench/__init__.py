"""Benches: times and memory of the parts people wait for."""
