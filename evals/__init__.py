"""Evals: Inspect tasks, their questions, scorers, baselines and benches."""
