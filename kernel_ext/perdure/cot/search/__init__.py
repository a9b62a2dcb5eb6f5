"""Search: which kept answers are most like a question."""
