"""What the copilot does: typed in, typed out."""
