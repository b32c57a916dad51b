"""Finding sources and measuring them."""
