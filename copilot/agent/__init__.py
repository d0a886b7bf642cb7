"""The agent: its tools, its guards, its memory."""
