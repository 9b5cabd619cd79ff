"""The plots of the report stage."""
