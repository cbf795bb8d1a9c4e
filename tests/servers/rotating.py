"""The application that groups of servers serve while their keys rotate. A file says how far its clock is ahead."""

import logging
import os
import sqlite3
import time
from pathlib import Path

CLOCK, DATABASE = Path(os.environ["CLOCK"]), os.environ["DATABASE"]
real_time, real_perf_counter = time.time, time.perf_counter


def moved_time() -> float:
    return real_time() + float(CLOCK.read_text())


def moved_perf_counter() -> float:
    return real_perf_counter() + float(CLOCK.read_text())


time.time, time.perf_counter = moved_time, moved_perf_counter  # before the package takes them

from flask import Flask, g  # noqa: E402
from sqlalchemy import create_engine  # noqa: E402

from flask_tokenauth import TokenAuth, create_token, login_required, public  # noqa: E402


def connect() -> sqlite3.Connection:
    """Return a connection to the database, whose time is moved too."""
    connection = sqlite3.connect(DATABASE, check_same_thread=False)
    connection.create_function("julianday", 1, lambda _: 2440587.5 + moved_time() / 86400)
    return connection


logging.basicConfig(filename=os.environ["LOG"], level=logging.ERROR)
app = Flask(__name__)
app.config.from_prefixed_env()
app.config["TOKENAUTH_STORE"] = create_engine(f"sqlite:///{DATABASE}", creator=connect)
auth = TokenAuth(app)
app.register_blueprint(auth.well_known)


@app.post("/login")
@public
def login() -> dict[str, str]:
    return {"access_token": create_token("alice")}


@app.get("/me")
@login_required
def me() -> dict[str, object]:
    return {"user": g.user_id}
