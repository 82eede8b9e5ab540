"""What a person needs to run prebake elsewhere."""
