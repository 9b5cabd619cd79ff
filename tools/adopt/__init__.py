"""Adopt a table: look at all of it, decide what each column is, and write config.yaml and schema.yaml."""
