// openid-client: from discovery to a record, a renewed token, introspection, userinfo and revocation. With KEY the client
// authenticates by private_key_jwt, else by its secret.

import * as client from 'openid-client';

import { BASE, CLIENT_ID, CLIENT_SECRET, KEY, KEY_ID, REDIRECT_URI, expect, read, visit } from './person.mjs';

async function authentication() {
  if (!KEY) return client.ClientSecretBasic(CLIENT_SECRET);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-384' };
  const key = await crypto.subtle.importKey('pkcs8', Buffer.from(KEY, 'base64'), algorithm, false, ['sign']);
  return client.PrivateKeyJwt({ key, kid: KEY_ID });
}

const server = await client.discovery(
  new URL(BASE), CLIENT_ID, undefined, await authentication(), { execute: [client.allowInsecureRequests] });
const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
const address = await visit(client.buildAuthorizationUrl(server, {
  redirect_uri: REDIRECT_URI,
  scope: 'patient/*.rs openid fhirUser offline_access',
  aud: `${BASE}/fhir`,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
}));
const tokens = await client.authorizationCodeGrant(
  server, new URL(address), { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce });
console.log('record of', (await read(tokens.access_token, tokens.patient)).name);

const { sub } = tokens.claims();
expect((await client.fetchUserInfo(server, tokens.access_token, sub)).sub === sub, 'userinfo tells who signed in');
const renewed = await client.refreshTokenGrant(server, tokens.refresh_token);
expect(renewed.access_token !== tokens.access_token, 'the token is a new one');
expect((await client.tokenIntrospection(server, renewed.access_token)).active, 'the token is alive');
await client.tokenRevocation(server, renewed.refresh_token);
console.log('after revocation', (await read(renewed.access_token, tokens.patient)).status);
