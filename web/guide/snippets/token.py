import os

import requests


def help_url(user):
    """The address that signs this user in: once, and within two minutes."""
    answer = requests.post(
        "https://YOUR-DESK/api/auth/redirect/YOUR-SLUG",
        json={"email": user["email"], "name": user["name"]},
        headers={"X-Tenant-API-Token": os.environ["DESKGATE_TOKEN"]},
        allow_redirects=False,  # the browser follows, not your server
        timeout=10,
    )
    if answer.status_code != 302:
        raise RuntimeError(answer.text)
    return answer.headers["Location"]
