"""Models small enough to ship: the embedder, its training, and what speaks to a chat model."""
