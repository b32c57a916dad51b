"""Watches directories for raw frames, verifies and describes what arrives, and announces each frame once."""
