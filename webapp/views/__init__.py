"""Views: the pages, the API and batches, and what they answer with."""
