"""Recipes, primitives and kernels that turn raw frames into products."""
