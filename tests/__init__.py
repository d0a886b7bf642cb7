"""Tests mirror the tree of `copilot/`."""
