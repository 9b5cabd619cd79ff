"""The plots of the explore stage: plots/explore/NAME.png is drawn by NAME.py."""
