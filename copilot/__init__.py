"""The community copilot: every sentence it writes rests on evidence."""
