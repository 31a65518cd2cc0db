"""What was measured, described before it is compared."""
