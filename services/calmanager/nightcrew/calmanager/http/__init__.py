"""The calibration manager over HTTP: its own interface under `/v1`, and the protocol of the Gemini archive."""
