"""Benchmarks of Flask-TokenAuth beside bare Flask and similar libraries: ``python -m benchmarks``."""
