"""Views: the pages, the API and batches, and their answers."""
