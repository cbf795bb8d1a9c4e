"""An issuer, and three services that accept its tokens: they fetch its public keys, and no secret is shared.

The application of the issuer asks the services for its users. It needs `requests` (``pip install requests``), and the
services need the extra ``jwks``. Start all four with one command::

    python -m examples.microservices

Log in, and use the token at two services::

    TOKEN=$(curl -s -d username=alice -d password=wonderland http://127.0.0.1:5000/login | cut -d '"' -f 4)
    curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:5001/reports
    curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:5002/orders

The third, the shipping, belongs to another company. The token is not for it, and it answers 401::

    curl -i -H "Authorization: Bearer $TOKEN" http://127.0.0.1:5003/shipping

The application asks all three. It hands the token on to the first two. For the shipping it exchanges the token for one
that is good there alone, for a minute. Neither the first two nor the application accept that one::

    curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:5000/overview

The token of bob, whose password is builder, is not for the reports: there he gets 401, and 403 from the application.

Rotate the keys while all four run, from the same folder. Here a new key may sign after 80 seconds; ``keys list`` shows
when::

    export FLASK_TOKENAUTH_KEYS=instance/keys.json FLASK_TOKENAUTH_KEYS_MAX_AGE=10s
    python -m flask_tokenauth keys list
    python -m flask_tokenauth keys rotate --older-than 0s

The old token is still good, and the next login gets a token of the new key.
"""
