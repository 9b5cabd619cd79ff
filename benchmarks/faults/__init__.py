"""Faults by the hundred: what a kill, a flipped byte, a full disk or a bad bucket leaves behind."""
