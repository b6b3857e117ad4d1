# pip install PyJWT requests
import os
import time
import uuid

import jwt
import requests

DESK = "https://YOUR-DESK"
SLUG = "YOUR-SLUG"


def help_token(user):
    """A token that says who this user is. It works once, for a minute."""
    now = int(time.time())
    return jwt.encode(
        {
            "email": user["email"],
            "name": user["name"],
            "external_id": str(user["id"]),
            "iat": now,
            "exp": now + 60,
            "jti": str(uuid.uuid4()),
        },
        os.environ["DESKGATE_JWT_SECRET"],
        algorithm="HS256",
    )


def help_url(user):
    """The address that signs this user in: once, and within two minutes."""
    answer = requests.post(
        f"{DESK}/api/jwt/login",
        json={"token": help_token(user), "tenant_slug": SLUG},
        timeout=10,
    ).json()
    if not answer["success"]:
        raise RuntimeError(f"{answer['code']}: {answer['error']}")
    return answer["redirect_url"]


# In Flask, behind your own sign-in:
#   return redirect(help_url(current_user), code=303)
