"""The token that may guard the whole app: sent as a bearer token, or typed into a login page."""

import hashlib
import hmac

from flask import Blueprint, Flask, redirect, render_template, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response as BaseResponse

from webapp.metrics import has_token
from webapp.views.problems import problem, wants_problem

COOKIE, HOURS = "session", 12
OPEN = {"api.is_alive", "api.is_ready", "metrics.show_metrics", "security.log_in", "static"}  # need no token


def register_login(app: Flask, token: str) -> None:
    """Ask for the token before anything except the health checks, as a bearer token or with the cookie of a login."""
    key = hashlib.sha256(b"session cookie" + token.encode()).digest()  # a new token ends every session
    signer = URLSafeTimedSerializer(key)
    blueprint = Blueprint("security", __name__)

    def is_logged_in() -> bool:
        try:
            signer.loads(request.cookies.get(COOKIE, ""), max_age=HOURS * 3600)
        except BadSignature:
            return False
        return True

    @app.before_request
    def ask_for_token() -> BaseResponse | None:
        if request.endpoint in OPEN or has_token(token) or is_logged_in():
            return None
        if not wants_problem():
            return redirect(f"{request.root_path}/login", 303)
        response = problem(401, "Unauthorized", "send the header `Authorization: Bearer …` with the app's token")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @blueprint.route("/login", methods=["GET", "POST"])
    def log_in() -> BaseResponse | tuple[str, int]:
        if request.method == "GET":
            return render_template("login.html", wrong=False), 200
        if not hmac.compare_digest(request.form.get("token", "").strip().encode(), token.encode()):
            return render_template("login.html", wrong=True), 401
        response = redirect(f"{request.root_path}/", 303)
        response.set_cookie(
            COOKIE, signer.dumps("in"), HOURS * 3600, secure=request.is_secure, httponly=True, samesite="Lax"
        )
        return response

    @blueprint.post("/logout")
    def log_out() -> BaseResponse:
        response = redirect(f"{request.root_path}/login", 303)
        response.delete_cookie(COOKIE)
        return response

    app.register_blueprint(blueprint)
