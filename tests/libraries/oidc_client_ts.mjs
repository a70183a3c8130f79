// oidc-client-ts, as a page would use it, with stores in memory: from discovery to a record, a renewed token and revocation.

import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts';

import { BASE, CLIENT_ID, REDIRECT_URI, expect, read, visit } from './person.mjs';

const store = () => new WebStorageStateStore({ store: new InMemoryWebStorage() });
// The one part of a page that is needed: where the browser is sent.
const page = { location: { href: '', origin: BASE, assign: (link) => { page.location.href = link; } } };
page.location.replace = page.location.assign;
page.parent = page.top = page.self = page;
globalThis.window = page;
page.addEventListener = page.removeEventListener = () => {};
page.setInterval = setInterval;
page.setTimeout = setTimeout;

const users = new UserManager({
  authority: BASE,
  client_id: CLIENT_ID,
  redirect_uri: REDIRECT_URI,
  scope: 'patient/*.rs openid fhirUser offline_access',
  extraQueryParams: { aud: `${BASE}/fhir` },
  automaticSilentRenew: false,
  monitorSession: false,
  loadUserInfo: true,
  userStore: store(),
  stateStore: store(),
});
// A redirect never comes back in a page, so nothing waits for it.
users.signinRedirect();
while (!page.location.href) await new Promise((done) => setTimeout(done, 20));
const user = await users.signinRedirectCallback(await visit(page.location.href));
const patient = user.profile.fhirUser.split('/').pop();
console.log('record of', (await read(user.access_token, patient)).name);

const renewed = await users.signinSilent();
expect(renewed.access_token !== user.access_token, 'the token is a new one');
await users.revokeTokens(['access_token', 'refresh_token']);
console.log('after revocation', (await read(renewed.access_token, patient)).status);
// It waits for the token's end, and the program with it.
await users.removeUser();
