"""Calibration databases of a configuration: which there are, where they lie, what they answer.

The command `nightcrew caldb`, reductions and `nightcrew.compat` are built on this; nothing here knows of a command
line.
"""
