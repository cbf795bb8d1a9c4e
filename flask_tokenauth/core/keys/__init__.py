"""Keys: one algorithm each, loaded from JWK, PEM or secrets, refused when they are too weak."""
