"""Check tokens as the services do, and answer for the auth service."""

from http.cookies import SimpleCookie

from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Reply,
    Request,
    html_reply,
    json_reply,
)

_OPEN_PREFIXES = (
    "/schema/",
    "/sticky_auth/",
    "/bucket/",
    "/storage/",
    "/download/",
    "/volumes/",
    "/viewer/",
)
_OPEN_ENDINGS = ("/version", "/api/versions", "/table_mapping")


def refusal(deployment: Deployment, request: Request) -> Reply | None:  # noqa: PLR0911 - one answer a line
    """Return why a request may not pass, or None."""
    path, settings = request.path, deployment.settings
    is_open = path.startswith(_OPEN_PREFIXES) or path.endswith(_OPEN_ENDINGS)
    if is_open or not settings.require_token:
        return None
    header = request.headers.get("authorization")
    if header is not None:
        if not header.startswith("Bearer "):
            body = {"error": "bad_auth_header", "message": "Not a bearer token"}
            return json_reply(body, 400)
        if header.removeprefix("Bearer ") == settings.token:
            return None
        challenge = (
            f'Bearer realm="{_login(deployment)}", error="invalid_token", '
            'error_description="Invalid/Expired Token"'
        )
        body = {
            "error": "invalid_token",
            "message": "Unauthorized - Token is Invalid or Expired",
        }
        return json_reply(body, 401, (("WWW-Authenticate", challenge),))
    cookie = SimpleCookie(request.headers.get("cookie", "")).get("middle_auth_token")
    if cookie is not None and cookie.value == settings.token:
        return None
    if "x-requested-with" in request.headers:
        body = {"error": "no_token", "message": "Unauthorized - No Token Provided"}
        challenge = f'Bearer realm="{_login(deployment)}"'
        return json_reply(body, 401, (("WWW-Authenticate", challenge),))
    target = f"{_login(deployment)}?redirect={deployment.url}{request.path}"
    return Reply(302, (("Location", target),), b"")


def _login(deployment: Deployment) -> str:
    return f"{deployment.url}/sticky_auth/api/v1/authorize"


def login_page(_deployment: Deployment, _request: Request) -> Reply:
    """Stand in for the login page that a redirect ends at."""
    return html_reply(200)


def tokens(deployment: Deployment, _request: Request) -> Reply:
    """List the user's tokens."""
    user = {"id": 1, "user_id": deployment.user_id, "token": deployment.settings.token}
    return json_reply([user])


def create_token(deployment: Deployment, _request: Request) -> Reply:
    """Answer with a token as if it were new."""
    return json_reply(deployment.settings.token)


def users(deployment: Deployment, request: Request) -> Reply:
    """Describe users by id."""
    asked = [int(i) for i in request.query.get("id", "").split(",") if i]
    known = deployment.world.users
    return json_reply(
        [{"id": i, "name": known[i], "pi": ""} for i in asked if i in known]
    )


def group_users(deployment: Deployment, _request: Request, _group: str) -> Reply:
    """List the members of any group: everybody."""
    known = deployment.world.users
    return json_reply([{"id": i, "name": name} for i, name in known.items()])


def own_record(deployment: Deployment, _request: Request) -> Reply:
    """Answer with what a service learns about a token's user."""
    user_id = deployment.user_id
    volumes = deployment.world.aligned_volumes
    return json_reply(
        {
            "id": user_id,
            "name": deployment.world.users[user_id],
            "admin": False,
            "groups": [],
            "permissions": dict.fromkeys(volumes, 1),
            "permissions_v2": {name: ["view"] for name in volumes},
        }
    )
