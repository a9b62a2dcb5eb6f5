"""Asking: the path of a question, and those who see to its steps."""
