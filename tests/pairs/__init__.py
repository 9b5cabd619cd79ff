"""Tests of stages/pairs and of the stage interactions."""
