"""What is told about a product beyond its pixels, and how it can be made again."""
