"""The operators' console: Gradio, in the server's own process."""
