"""The index: pictures and questions as vectors, and search among those of the kept answers."""
