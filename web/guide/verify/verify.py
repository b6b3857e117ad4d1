import base64, hashlib, hmac, time

def verify(secret, headers, body):
    """Tells whether body, the bytes as they came, is a message of the help desk's."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = headers["webhook-timestamp"]
    if abs(time.time() - int(stamp)) > 300:
        return False
    signed = b".".join([headers["webhook-id"].encode(), stamp.encode(), body])
    want = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(want, one) for one in headers["webhook-signature"].split(" "))
