"""Tests of the cleaning room."""
