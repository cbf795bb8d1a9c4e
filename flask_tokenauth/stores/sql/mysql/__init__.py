"""All that only MariaDB and MySQL need: their dialect, their connections, and how new revocations are read."""
