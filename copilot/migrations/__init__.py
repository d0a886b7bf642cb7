"""Alembic's scripts: how the records database came to its present schema."""
