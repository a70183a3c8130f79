// A public SMART client: standalone launch with PKCE, exchange, refresh (SMART App Launch 2.2). The steps are in the
// order in which they happen, and know nothing of the page.

import { call, note, Problem, sentence } from './calls.js';

/** The FHIR server whose discovery document leads to everything else. */
export const BASE = `${location.origin}/fhir`;
const CLIENT_ID = 'demo-app';
const REDIRECT_URI = `${location.origin}/demo/`;

/** The scopes the app asks for. A member may leave out any of them, and the app must cope. */
export const ASKED = [
  'openid',
  'fhirUser',
  'launch/patient',
  'offline_access',
  'patient/Patient.rs',
  'patient/Coverage.rs',
  'patient/ExplanationOfBenefit.rs',
  'patient/Observation.rs',
  'patient/Organization.rs',
  'patient/Practitioner.rs',
];

const keep = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));
const kept = (name) => JSON.parse(sessionStorage.getItem(name) ?? 'null');
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** 1. Discover: find the authorization server and its capabilities. */
export function discover() {
  discovered ??= call(`${BASE}/.well-known/smart-configuration`).catch((problem) => {
    discovered = null;
    throw problem;
  });
  return discovered;
}
let discovered = null;

/** 2. Launch: send the browser to the plan, with a challenge whose answer only this tab knows (RFC 7636). A person who
    is still signed in there is not asked to sign in again, unless `prompt` is `login` (OpenID Connect Core §3.1.2.1). */
export async function launch(prompt) {
  const server = await discover();
  if (new URL(server.issuer).origin !== location.origin) {
    // `localhost` is the same machine but another origin, and the redirect URI is registered for one of the two.
    location.assign(`${server.issuer}/demo/`);
    return;
  }
  const pending = { state: random(), verifier: random(), nonce: random(), issuer: server.issuer };
  keep('pending', pending);
  const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(pending.verifier)));
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: REDIRECT_URI,
    scope: ASKED.join(' '),
    state: pending.state,
    nonce: pending.nonce,
    aud: BASE,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...(prompt && { prompt }),
  });
  note('GET', `${server.authorization_endpoint}?response_type=code&client_id=${CLIENT_ID}&…`, 'leaves');
  location.assign(`${server.authorization_endpoint}?${query}`);
}

/** 3. Come back: check that this is the answer to the request of this tab, from the server it was sent to (RFC 9207).
    Then exchange the code. */
export async function comeBack(answer) {
  const pending = kept('pending');
  sessionStorage.removeItem('pending');
  note('GET', `${REDIRECT_URI}?${answer.has('code') ? 'code=…' : `error=${answer.get('error')}`}&state=…&iss=…`, 'returns');
  if (!pending || answer.get('state') !== pending.state) {
    throw new Problem('This answer does not belong to a request of this tab. Start again from here.', 'state');
  }
  if (answer.get('iss') !== pending.issuer) {
    throw new Problem('This answer comes from a server that was not asked. Nothing was sent to it.', 'iss');
  }
  if (answer.has('error')) {
    throw new Problem(sentence(answer.get('error_description') ?? answer.get('error')), answer.get('error'));
  }
  const tokens = await ask({
    grant_type: 'authorization_code',
    code: answer.get('code'),
    redirect_uri: REDIRECT_URI,
    code_verifier: pending.verifier,
  });
  checkIdentity(tokens.id_token, pending);
  return save(tokens);
}

/** 4. Refresh: each refresh token is valid once, and the answer brings the next. Two callers share one request. */
export function refresh() {
  const tokens = current();
  if (!tokens?.refresh_token) {
    throw new Problem('The access has run out, and you did not allow the app to renew it. Connect again.', 'expired');
  }
  refreshing ??= ask({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
    .then((answer) => save({ ...tokens, ...answer }))
    .catch((problem) => {
      if (problem.code === 'invalid_grant') {
        forget();
      }
      throw problem;
    })
    .finally(() => { refreshing = null; });
  return refreshing;
}
let refreshing = null;

/** 5. Sign out: revoke the token if the server supports it (RFC 7009), and forget everything. */
export async function signOut() {
  const tokens = current();
  forget();
  const { revocation_endpoint: endpoint } = await discover();
  if (endpoint && tokens) {
    const token = tokens.refresh_token ?? tokens.access_token;
    await call(endpoint, { method: 'POST', body: new URLSearchParams({ token, client_id: CLIENT_ID }) });
  }
}

/** The tokens of this tab, or null. They live in sessionStorage, which ends with the tab. */
export function current() {
  return kept('tokens');
}

/** A GET under the FHIR base with the token. It is renewed shortly before it expires, and once if the server says that
    it has expired. */
export async function read(address) {
  const url = address.startsWith('http') ? address : `${BASE}/${address}`;
  if (!url.startsWith(`${BASE}/`)) {
    throw new Problem('A link leads to another server, and the token is not for it.', 'foreign');
  }
  if (current().expires_at - Date.now() < 60_000 && current().refresh_token) {
    await refresh();
  }
  const get = () =>
    call(url, { headers: { Accept: 'application/fhir+json', Authorization: `Bearer ${current().access_token}` } });
  try {
    return await get();
  } catch (problem) {
    if (problem.status !== 401) {
      throw problem;
    }
    await refresh();
    return get();
  }
}

async function ask(form) {
  const { token_endpoint: endpoint } = await discover();
  return call(endpoint, { method: 'POST', body: new URLSearchParams({ ...form, client_id: CLIENT_ID }) });
}

/** The id_token came straight from the token endpoint, so its claims need checking and its signature does not
    (OpenID Connect Core §3.1.3.7, item 6). */
function checkIdentity(token, pending) {
  if (!token) {
    return;
  }
  const claims = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
  if (claims.iss !== pending.issuer || ![claims.aud].flat().includes(CLIENT_ID) || claims.nonce !== pending.nonce) {
    throw new Problem('The sign-in was made for another app or another request.', 'id_token');
  }
}

function save(tokens) {
  const saved = { ...tokens, expires_at: Date.now() + tokens.expires_in * 1000 };
  keep('tokens', saved);
  return saved;
}

function forget() {
  sessionStorage.removeItem('tokens');
}
