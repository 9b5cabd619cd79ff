"""Monitoring: logged predictions joined with the outcomes that arrived later, and a verdict on the model."""
