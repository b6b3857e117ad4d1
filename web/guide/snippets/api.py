import os

import requests


def open_tickets():
    """All requests that somebody still has to work on, a page at a time."""
    session = requests.Session()
    session.headers["Authorization"] = "Bearer " + os.environ["DESKGATE_TOKEN"]
    query = {"status": "new,open,pending", "limit": 100}
    while True:
        answer = session.get("https://YOUR-DESK/api/tickets", params=query, timeout=10)
        answer.raise_for_status()
        page = answer.json()
        yield from page["data"]
        if not page["has_more"]:
            return
        query["cursor"] = page["next_cursor"]
