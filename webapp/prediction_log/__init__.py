"""The prediction log: what was predicted for whom, kept until the truth arrives. Off unless PREDICTION_LOG is set."""
