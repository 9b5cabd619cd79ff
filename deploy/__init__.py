"""The rollout of the web app's image on AWS: `python -m deploy`, or `make deploy`. README.md explains the steps."""
