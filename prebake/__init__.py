"""prebake: preprocess sharded CSV once, train on it, export a model that takes raw rows."""
