import { createHmac, randomUUID } from 'node:crypto';

/** The fields of a form that proves who the user is. They are good for two minutes, once. */
export function signedFields(user, back) {
  const fields = {
    email: user.email,
    name: user.name,
    redirect_url: back,
    ts: String(Math.floor(Date.now() / 1000)),
    nonce: randomUUID(),
  };
  const sized = (text) => `${Buffer.byteLength(text)}:${text}`;
  const text = [
    'deskgate-redirect-v1', 'YOUR-SLUG',
    sized(fields.email), sized(fields.name), sized(fields.redirect_url),
    fields.ts, fields.nonce,
  ].join('\n');
  fields.sig = createHmac('sha256', process.env.DESKGATE_REDIRECT_KEY).update(text).digest('hex');
  return fields;
}
