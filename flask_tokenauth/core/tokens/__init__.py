"""Access tokens: their signatures, claims and scopes; how they are verified and issued."""
