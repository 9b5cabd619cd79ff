"""The web app: serves models/scorecard.json. It imports nothing from `stages` and needs no numpy, pandas or scikit-learn."""
