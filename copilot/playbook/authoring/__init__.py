"""Authoring: how the playbook's entries are written, checked, and kept up to date."""
