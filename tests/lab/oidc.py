"""A small OpenID Connect provider on loopback: it lets in whoever `person` says, at once.

Discovery, authorization code with PKCE, token endpoint with the client's secret, keys, userinfo.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "simpledeploy", "the-client-s-secret"


class Provider:
    """The provider, as a context manager; what it says of people and tokens can be changed by tests."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.person: dict[str, Any] = {"sub": "1", "preferred_username": "ada", "groups": []}
        self.userinfo: dict[str, Any] | None = None  # instead of the person's own
        self.change: Callable[[dict[str, Any]], dict[str, Any]] = dict  # of the ID token's claims
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.asked: dict[str, str] = {}  # what the last authorization request said
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: set[str] = set()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, "")

            def do_POST(self) -> None:
                provider.answer(self, self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Provider":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def signed(self, claims: dict[str, Any], key: Any = None, algorithm: str = "RS256") -> str:
        """Return `claims` as a token that this provider signs, or another `key`."""
        return jwt.encode(claims, key or self.key, algorithm=algorithm, headers={"kid": "key-1"})

    def answer(self, request: BaseHTTPRequestHandler, body: str) -> None:
        """Answer one request."""
        parts = urlsplit(request.path)
        form = {name: values[-1] for name, values in parse_qs(body or parts.query).items()}
        match parts.path:
            case "/.well-known/openid-configuration":
                self._json(request, self._configuration())
            case "/authorize":
                self.asked = form
                code = secrets.token_urlsafe()
                self._codes[code] = form
                to = f"{form['redirect_uri']}?{urlencode({'code': code, 'state': form['state']})}"
                request.send_response(302)
                request.send_header("Location", to)
                request.end_headers()
            case "/token":
                self._json(request, *self._token(form))
            case "/keys":
                public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
                self._json(request, {"keys": [public | {"kid": "key-1", "use": "sig", "alg": "RS256"}]})
            case "/userinfo":
                known = request.headers.get("Authorization", "").removeprefix("Bearer ") in self._tokens
                self._json(request, (self.userinfo or self.person) if known else {}, 200 if known else 401)
            case _:
                self._json(request, {}, 404)

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def _token(self, form: dict[str, str]) -> tuple[dict[str, Any], int]:
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET)
            or form.get("redirect_uri") != asked["redirect_uri"]
            or asked.get("code_challenge_method") != "S256"
            or asked.get("code_challenge") != challenge
        ):
            return {"error": "invalid_grant"}, 400
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], **self.person}
        access = secrets.token_urlsafe()
        self._tokens.add(access)
        token = self.sign(self.change(claims))
        return {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": token}, 200

    def _json(self, request: BaseHTTPRequestHandler, answer: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
