// npm install jsonwebtoken
import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';

/** The address that signs this user in or out, as action says: login or logout. It works once, for a minute. */
export function simpleAuthURL(action, user, redirect) {
  const token = jwt.sign({ email: user.email, name: user.name }, process.env.DESKGATE_SIMPLEAUTH_KEY, {
    algorithm: 'HS256',
    expiresIn: '1m',
    jwtid: randomUUID(),
  });
  return `https://YOUR-DESK/simpleauth/${action}?${new URLSearchParams({ token, redirect })}`;
}
