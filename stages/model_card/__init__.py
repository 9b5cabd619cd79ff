"""The model card: its template, and what the template needs beyond the metrics files."""
