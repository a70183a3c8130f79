// oidc-provider, with its own pages. Whoever types a name is that person; the claim `member` is the name in lower case.

import { generateKeyPairSync } from 'node:crypto';

import Provider from 'oidc-provider';

const { ISSUER, REDIRECT_URI, CLIENT_SECRET, METHOD, JWKS_URI, SIGNING } = process.env;

const key = (type, options) => generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });

const proof = JWKS_URI
  ? { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: JWKS_URI }
  : { token_endpoint_auth_method: METHOD, client_secret: CLIENT_SECRET };

const provider = new Provider(ISSUER, {
  clients: [{
    client_id: 'us',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    id_token_signed_response_alg: SIGNING,
    ...proof,
  }],
  claims: { openid: ['sub', 'member'], acr: null, auth_time: null, iss: null, sid: null },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, member: id.toLowerCase() }) }),
  pkce: { required: () => true },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
  jwks: { keys: [key('rsa', { modulusLength: 2048 }), key('ec', { namedCurve: 'P-256' }), key('ed25519')] },
  // Its own check would refuse our key set on this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  cookies: { keys: ['a key of this test alone'] },
});

provider.listen(Number(new URL(ISSUER).port), '127.0.0.1', () => console.log('ready'));
