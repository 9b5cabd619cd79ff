"""Validation: cells typed by the schema, constraints, tables that no longer fit the schema."""
