"""Calling: a question's work, and the model calls for it, each paid for once whatever happens."""
