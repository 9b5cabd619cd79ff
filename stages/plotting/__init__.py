"""Plots: one look, and what explore and report draw. Only stages that draw import them: they load matplotlib."""
