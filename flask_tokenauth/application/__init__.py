"""One application: its settings, and the objects that are made from them."""
