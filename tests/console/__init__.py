"""Tests of the console: its HTML, and the page in a real browser."""
