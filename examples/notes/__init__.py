"""A notes API: accounts, personal notes, and teams that share notes.

Install and start it::

    pip install . flask-sqlalchemy
    export FLASK_SECRET_KEY=$(python -m flask_tokenauth secret)
    flask --app examples/notes run

Sign up, log in, create a note and find it again::

    URL=http://127.0.0.1:5000
    curl -d username=alice -d password=wonderland $URL/users
    TOKEN=$(curl -s -d username=alice -d password=wonderland $URL/login | cut -d '"' -f 4)
    curl -H "Authorization: Bearer $TOKEN" -d text='Follow the rabbit' $URL/notes
    curl -H "Authorization: Bearer $TOKEN" "$URL/notes/search?q=rabbit"

Create a team. A token has the scopes that its user had at the login, so log in again to get the new ones::

    TEAM=$(curl -s -H "Authorization: Bearer $TOKEN" -d name=tea $URL/teams | cut -d '"' -f 4)
    TOKEN=$(curl -s -d username=alice -d password=wonderland $URL/login | cut -d '"' -f 4)
    curl -H "Authorization: Bearer $TOKEN" -d text='At six' $URL/teams/$TEAM/notes
    curl -d username=bob -d password=builder-bob $URL/users
    curl -H "Authorization: Bearer $TOKEN" -X PUT -d role=read $URL/teams/$TEAM/members/bob

Show the guard of each route, and make a user an administrator, who may list all users::

    flask --app examples/notes tokenauth routes
    flask --app examples/notes promote alice

The database is notes.sqlite3 in the instance folder. FLASK_SQLALCHEMY_DATABASE_URI sets another one.
"""

from .application import create_app

__all__ = ["create_app"]
