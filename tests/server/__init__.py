"""Tests of the server: on the wire, with real clients, against a real uvicorn."""
