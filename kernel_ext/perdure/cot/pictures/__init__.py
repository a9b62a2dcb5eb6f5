"""Pictures: whatever a user may mean by one, decoded."""
