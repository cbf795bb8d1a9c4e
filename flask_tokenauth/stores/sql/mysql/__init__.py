"""The parts of the SQL store that only MariaDB and MySQL need."""
