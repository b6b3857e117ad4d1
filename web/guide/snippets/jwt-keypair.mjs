// npm install jose
import { randomUUID } from 'node:crypto';
import { importPKCS8, SignJWT } from 'jose';

/** A token that says who this user is. It works once, for a minute. */
export async function helpToken(user) {
  const key = await importPKCS8(process.env.DESKGATE_PRIVATE_KEY, 'EdDSA');
  return new SignJWT({ email: user.email, name: user.name, external_id: String(user.id) })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('1m')
    .setJti(randomUUID())
    .sign(key);
}
