"""The store on Redis and Valkey: one server, a primary that Sentinel names, or a cluster."""
