"""How good a frame is: image quality, sky background, cloud cover."""
