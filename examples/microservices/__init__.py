"""An issuer, and two services that accept its tokens: they fetch its public keys, and no secret is shared.

Start all three with one command::

    python -m examples.microservices

Log in at the issuer, and use the token at both services::

    TOKEN=$(curl -s -d username=alice -d password=wonderland http://127.0.0.1:5000/login | cut -d '"' -f 4)
    curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:5001/reports
    curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:5002/orders

The token of bob, whose password is builder, is for the orders alone: at the reports he gets 401.

Rotate the keys while all three run, from the same folder. Here a new key may sign after 80 seconds; ``keys list`` shows
when::

    export FLASK_TOKENAUTH_KEYS=instance/keys.json FLASK_TOKENAUTH_KEYS_MAX_AGE=10s
    python -m flask_tokenauth keys list
    python -m flask_tokenauth keys rotate --older-than 0s

The old token is still good, and the next login gets a token of the new key.
"""
