"""Which frames show the target, which the sky, and which sky belongs to which frame."""
