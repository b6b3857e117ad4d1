import hashlib
import hmac
import os
import secrets
import time


def signed_fields(user, back):
    """The fields of a form that proves who the user is. They are good for two minutes, once."""
    fields = {
        "email": user["email"],
        "name": user["name"],
        "redirect_url": back,
        "ts": str(int(time.time())),
        "nonce": secrets.token_urlsafe(16),
    }
    text = "deskgate-redirect-v1\nYOUR-SLUG"
    for field in ("email", "name", "redirect_url"):
        text += f"\n{len(fields[field].encode())}:{fields[field]}"
    text += f"\n{fields['ts']}\n{fields['nonce']}"
    key = os.environ["DESKGATE_REDIRECT_KEY"].encode()
    fields["sig"] = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return fields
