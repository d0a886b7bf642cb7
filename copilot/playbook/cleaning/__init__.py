"""How a damaged text becomes a clean one: repair, structure, boilerplate, front matter."""
