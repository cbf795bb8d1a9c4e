"""Load keys from JWK, PEM or secrets. Each has one algorithm; weak keys are refused."""
