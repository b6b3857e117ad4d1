import { createHmac, timingSafeEqual } from "node:crypto";

/** Tells whether body, the bytes as they came, is a message of the help desk's. */
export function verify(secret, headers, body) {
  const stamp = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(stamp)) <= 300)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const mac = createHmac("sha256", key).update(`${headers["webhook-id"]}.${stamp}.`).update(body);
  const want = Buffer.from(`v1,${mac.digest("base64")}`);
  return headers["webhook-signature"].split(" ").some((one) => {
    const got = Buffer.from(one);
    return got.length === want.length && timingSafeEqual(got, want);
  });
}
