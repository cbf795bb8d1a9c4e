"""From the header of a request to a verified caller, or to the refusal that the client gets."""
