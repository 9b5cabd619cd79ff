"""What rolls the web app's image out on AWS: `python -m deploy`, or `make deploy`. Its story is in README.md."""
