// A real OIDC provider over HTTPS that lets a person in without a form; whether a second factor was used is in the login hint.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { Provider } from 'oidc-provider';

const [port, certificate, key] = process.argv.slice(2);
const issuer = `https://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: 'kubernetes', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1:1/callback'], grant_types: ['authorization_code'], response_types: ['code'] }],
  pkce: { required: () => true },
  claims: { openid: ['sub', 'groups', 'amr', 'acr', 'auth_time'] },
  conformIdTokenClaims: false,
  ttl: { IdToken: 900 },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/login/${interaction.uid}` },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id.split('+')[0], groups: ['sre'] }) }),
  cookies: { keys: ['test-only'] },
});
https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
  if (!request.url.startsWith('/login/')) return provider.callback()(request, response);
  const { params } = await provider.interactionDetails(request, response);
  const accountId = params.login_hint;
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const amr = accountId.endsWith('+mfa') ? ['pwd', 'mfa'] : ['pwd'];
  await provider.interactionFinished(request, response, { login: { accountId, amr }, consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: false });
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
