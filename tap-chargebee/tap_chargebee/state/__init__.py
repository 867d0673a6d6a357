"""What one run leaves in STATE for the next."""
