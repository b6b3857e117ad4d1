// npm install jsonwebtoken
import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';

const desk = 'https://YOUR-DESK';
const slug = 'YOUR-SLUG';

/** A token that says who this user is. It works once, for a minute. */
export function helpToken(user) {
  const claims = { email: user.email, name: user.name, external_id: String(user.id) };
  return jwt.sign(claims, process.env.DESKGATE_JWT_SECRET, {
    algorithm: 'HS256',
    expiresIn: '1m',
    jwtid: randomUUID(),
  });
}

/** The address that signs this user in: once, and within two minutes. */
export async function helpURL(user) {
  const response = await fetch(`${desk}/api/jwt/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token: helpToken(user), tenant_slug: slug }),
  });
  const answer = await response.json();
  if (!answer.success) throw new Error(`${answer.code}: ${answer.error}`);
  return answer.redirect_url;
}

// In Express, behind your own sign-in:
//   app.get('/help', signedIn, async (req, res) => res.redirect(303, await helpURL(req.user)));
