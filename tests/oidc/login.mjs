// Logs in as a program would: follows the redirects, exchanges the code, prints the ID token. Arguments: the issuer, and whom to log in.
import { createHash, randomBytes } from 'node:crypto';
const [issuer, hint] = process.argv.slice(2);
const verifier = randomBytes(32).toString('base64url');
const challenge = createHash('sha256').update(verifier).digest('base64url');
let url = `${issuer}/auth?` + new URLSearchParams({ client_id: 'kubernetes', response_type: 'code', scope: 'openid', redirect_uri: 'http://127.0.0.1:1/callback', code_challenge: challenge, code_challenge_method: 'S256', login_hint: hint, max_age: '3600' });
const jar = new Map();
for (let i = 0; i < 10; i++) {
  const answer = await fetch(url, { redirect: 'manual', headers: { cookie: [...jar].map(([k, v]) => `${k}=${v}`).join('; ') } });
  for (const c of answer.headers.getSetCookie()) { const [pair] = c.split(';'); const at = pair.indexOf('='); jar.set(pair.slice(0, at), pair.slice(at + 1)); }
  const next = answer.headers.get('location');
  if (!next) { console.error(answer.status, await answer.text()); process.exit(1); }
  url = new URL(next, issuer).href;
  if (url.startsWith('http://127.0.0.1:1/')) break;
}
const code = new URL(url).searchParams.get('code');
if (!code) { console.error(url); process.exit(1); }
const answer = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', client_id: 'kubernetes', code, redirect_uri: 'http://127.0.0.1:1/callback', code_verifier: verifier }) });
const token = await answer.json();
if (!token.id_token) { console.error(token); process.exit(1); }
console.log(token.id_token);
