"""What is fast, and by how much: each script measures one claim (README.md)."""
