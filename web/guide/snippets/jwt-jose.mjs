// npm install jose
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';

const desk = 'https://YOUR-DESK';
const slug = 'YOUR-SLUG';
// The secret is used as it is printed. Don't decode it.
const secret = new TextEncoder().encode(process.env.DESKGATE_JWT_SECRET);

/** A token that says who this user is. It works once, for a minute. */
export function helpToken(user) {
  return new SignJWT({ email: user.email, name: user.name, external_id: String(user.id) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('1m')
    .setJti(randomUUID())
    .sign(secret);
}

/** The address that signs this user in: once, and within two minutes. */
export async function helpURL(user) {
  const response = await fetch(`${desk}/api/jwt/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token: await helpToken(user), tenant_slug: slug }),
  });
  const answer = await response.json();
  if (!answer.success) throw new Error(`${answer.code}: ${answer.error}`);
  return answer.redirect_url;
}
