"""A partner's server asks for the redirect login and sends the browser where the answer says."""

import os

import requests

answer = requests.post(
    os.environ["DESKGATE_URL"] + "/api/auth/redirect/acme",
    json={"email": "zoe@example.com", "name": "Zoe Park"},
    headers={"X-Tenant-API-Token": os.environ["DESKGATE_TOKEN"]},
    allow_redirects=False,
    timeout=10,
)
if answer.status_code != 302:
    raise SystemExit(f"{answer.status_code} {answer.text}")
print(answer.headers["Location"])
