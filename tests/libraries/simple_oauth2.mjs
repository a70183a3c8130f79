// simple-oauth2: from a code to a record, a renewed token and revocation.

import { AuthorizationCode } from 'simple-oauth2';

import { BASE, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, expect, read, visit } from './person.mjs';

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const discovery = await (await fetch(`${BASE}/fhir/.well-known/smart-configuration`)).json();
const path = (endpoint) => new URL(discovery[endpoint]).pathname;
const app = new AuthorizationCode({
  client: { id: CLIENT_ID, secret: CLIENT_SECRET },
  auth: {
    tokenHost: BASE,
    tokenPath: path('token_endpoint'),
    authorizePath: path('authorization_endpoint'),
    revokePath: path('revocation_endpoint'),
  },
});
const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
const challenge = base64url(await crypto.subtle.digest('SHA-256', Buffer.from(verifier)));
const state = base64url(crypto.getRandomValues(new Uint8Array(16)));
const address = new URL(await visit(app.authorizeURL({
  redirect_uri: REDIRECT_URI,
  scope: ['patient/*.rs', 'offline_access'],
  state,
  aud: `${BASE}/fhir`,
  code_challenge: challenge,
  code_challenge_method: 'S256',
})));
expect(address.searchParams.get('state') === state, 'this is the answer to our question');
const code = address.searchParams.get('code');
const first = await app.getToken({ code, redirect_uri: REDIRECT_URI, code_verifier: verifier });
console.log('record of', (await read(first.token.access_token, first.token.patient)).name);

const renewed = await first.refresh();
expect(renewed.token.access_token !== first.token.access_token, 'the token is a new one');
await renewed.revokeAll();
console.log('after revocation', (await read(renewed.token.access_token, first.token.patient)).status);
