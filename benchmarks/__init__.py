"""What Flask-TokenAuth costs, measured beside bare Flask and beside its peers: ``python -m benchmarks``."""
