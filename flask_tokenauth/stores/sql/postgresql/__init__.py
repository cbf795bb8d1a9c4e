"""The parts of the SQL store that only PostgreSQL needs."""
