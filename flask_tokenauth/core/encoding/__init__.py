"""How values are written and read, and how large they may be: base64url, JSON, identifiers."""
