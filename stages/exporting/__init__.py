"""Export: the effects of the columns as the scorecard holds them, and parity with the model."""
