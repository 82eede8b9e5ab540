"""Raw columns in, features out: pure functions on tensors, one family a file."""
