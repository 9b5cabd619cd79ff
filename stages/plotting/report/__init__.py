"""The plots of the report stage: plots/report/NAME.png is drawn by NAME.py."""
