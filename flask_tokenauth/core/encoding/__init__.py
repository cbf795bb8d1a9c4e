"""Encode, decode and limit values: base64url, JSON, identifiers."""
