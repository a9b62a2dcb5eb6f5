"""Replies: what a model's words say, in the form that was asked for."""
