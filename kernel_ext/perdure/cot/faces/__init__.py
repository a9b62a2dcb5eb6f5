"""Faces: an answer as people see it, and what they can do with those that are kept."""
