"""How bytes become text: formats, encodings, archives, in a child process under limits."""
