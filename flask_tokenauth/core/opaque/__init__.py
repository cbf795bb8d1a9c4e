"""Tokens that only a store can explain: clients cannot read anything from them."""
