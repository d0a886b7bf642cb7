"""The server: the API, the bots' dialects and the console in one process."""
