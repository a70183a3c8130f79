// The page of the demo app: who is connected, what was allowed, and the record's parts (record.js).

import { calls, onCall } from './calls.js';
import { ASKED, comeBack, current, launch, read, refresh, signOut } from './smart.js';
import { card, el } from './elements.js';
import { authorizations, claims, coverage, labs } from './record.js';
import { day, name, scopeInWords } from './words.js';

const main = document.getElementById('main');
const show = (...content) => main.replaceChildren(...content);

/** Whether the member allowed a type of resource. */
const may = (type) => granted().some((scope) => new RegExp(`^(patient|user)/(\\*|${type})\\.`).test(scope));
const granted = () => (current()?.scope ?? '').split(' ').filter(Boolean);

/** Runs the action of a button, and shows a fault in the server's own words. */
async function attempt(what) {
  try {
    await what();
  } catch (problem) {
    failed(problem);
  }
}

function signedOut(...before) {
  const asked = el('ul.plain.asked', inWords(ASKED).map(([title, note]) => el('li', el('strong', title), el('small', note))));
  const connect = el('button', { type: 'button', id: 'connect' }, 'Connect to the plan');
  const other = el('button.quiet', { type: 'button', id: 'other' }, 'Sign in as somebody else');
  connect.onclick = () => attempt(() => launch());
  other.onclick = () => attempt(() => launch('login'));
  show(...before,
    el('div.hero', el('h1', 'See what your health plan knows'),
      el('p', 'This is a small app for members: it asks the plan for access, shows claims, costs and lab values, and keeps nothing after this tab is closed.'),
      el('p', 'The plan asks you to sign in and to say what the app may see. The sample members and their passwords stand on the ', el('a', { href: '/' }, 'first page'), '.'),
      el('div.buttons', connect, other)),
    card('What it will ask for', el('p.soft', 'You may leave out any of it. The app copes, and says what is missing.'), asked));
}

/** Scopes as titles and notes, each title once. */
function inWords(scopes) {
  return [...new Map(scopes.map(scopeInWords).filter(Boolean).map(([title, note]) => [title, [title, note]])).values()];
}

const FRIENDLY = {
  access_denied: ['You chose not to share', 'Nothing was read, and nothing is kept. You can connect whenever you like.'],
  expired: ['Your access has run out', null],
  invalid_grant: ['The plan has ended this app’s access', 'The app has forgotten its tokens. Connect again to go on.'],
};

function failed(problem) {
  const [title, advice] = FRIENDLY[problem.code] ?? ['That did not work', null];
  const box = el(problem.code === 'access_denied' ? 'section.card.message' : 'section.card.message.wrong', { role: 'alert', id: 'problem' },
    el('h2', title), advice && el('p', advice),
    el('p.soft', problem.code === 'access_denied' ? 'The plan’s answer: ' : '', problem.message));
  signedOut(el('div.record', box));
}

/** The page of a record. Each part appears when it has been read; one that fails says so in its place. */
async function record() {
  const tokens = current();
  const part = (type, title, make) => {
    const place = el('div.stack', { ariaBusy: 'true' }, card(title, el('p.soft', may(type) ? 'Reading…' : 'You did not share this with the app, so there is nothing to show. To change it, sign out and connect again.')));
    if (!may(type)) {
      place.ariaBusy = 'false';
      place.classList.add('withheld');
      return place;
    }
    make(may)
      .then((made) => place.replaceChildren(...[made].flat()))
      .catch((problem) => (current() ? place.replaceChildren(card(title, el('p', { role: 'alert' }, problem.message))) : failed(problem)))
      .finally(() => { place.ariaBusy = 'false'; });
    return place;
  };
  show(
    await person(tokens),
    el('div.columns',
      el('aside.stack', part('Coverage', 'Coverage', coverage), consent(), access()),
      el('div.stack',
        part('ExplanationOfBenefit', 'Claims', claims),
        part('Observation', 'Lab values over time', labs),
        may('ExplanationOfBenefit') && part('ExplanationOfBenefit', 'Prior authorizations', authorizations))));
}

async function person(tokens) {
  const about = el('div.record', el('h1', 'A member’s record'), el('p.soft', `Record ${tokens.patient}`));
  if (!may('Patient') && !granted().includes('fhirUser')) {
    about.append(el('p.soft', 'You did not share your name.'));
    return about;
  }
  try {
    const patient = await read(`Patient/${tokens.patient}`);
    const born = patient.birthDate && `born ${day(patient.birthDate)}`;
    about.replaceChildren(el('h1', `${name(patient)}’s record`), el('p.soft', [born, `record ${tokens.patient}`].filter(Boolean).join(' · ')));
  } catch (problem) {
    if (!current()) {
      throw problem;
    }
    about.append(el('p', { role: 'alert' }, problem.message));
  }
  return about;
}

/** The scopes that were asked for, line by line, and which of them were allowed. */
function consent() {
  const given = inWords(granted()).map(([title]) => title);
  const lines = inWords([...ASKED, ...granted()]).map(([title, note]) => {
    const yes = given.includes(title);
    return el(yes ? 'li.yes' : 'li.no', el('span.mark', { ariaHidden: 'true' }, yes ? '✓' : '–'),
      el('div', el('strong', title), el('small', yes ? note : 'you did not share this')));
  });
  const left = lines.filter((line) => line.className === 'no').length;
  const made = card('What you allowed',
    el('p.soft', left === 0 ? 'Everything the app asked for.' : `All but ${left} of what the app asked for.`),
    el('ul.plain.scopes', lines));
  made.id = 'consent';
  return made;
}

/** How long the access lasts, and what ends or renews it. */
function access() {
  const until = el('p', { id: 'until' });
  const said = el('p.soft', { role: 'status', id: 'said' });
  const tell = () => {
    const tokens = current();
    const minutes = Math.max(0, Math.round((tokens?.expires_at - Date.now()) / 60_000));
    until.textContent = `This access token is good for ${minutes} more minutes. ${tokens?.refresh_token ? 'The app renews it by itself.' : 'The app may not renew it.'}`;
  };
  const renew = el('button', { type: 'button', id: 'refresh', hidden: !current().refresh_token }, 'Renew now');
  renew.onclick = () => attempt(async () => {
    const before = current().refresh_token;
    const after = await refresh();
    tell();
    said.textContent = after.refresh_token === before ? 'Renewed.' : 'Renewed. The refresh token was replaced; the old one is worth nothing now.';
  });
  const out = el('button.quiet', { type: 'button', id: 'sign-out' }, 'Sign out');
  out.onclick = () => attempt(async () => {
    await signOut();
    signedOut();
  });
  tell();
  setInterval(() => current() && tell(), 15_000);
  const made = card('Access', until, said, el('div.buttons', renew, out));
  made.id = 'access';
  return made;
}

function happened() {
  const rows = calls.map(({ method, url, status }) => el('tr', el('td', method), el('td', el('code', url.replace(location.origin, ''))), el('td', String(status))));
  document.querySelector('#happened tbody').replaceChildren(...rows);
}

onCall(happened);
happened();
const answer = new URLSearchParams(location.search);
attempt(async () => {
  if (answer.has('state') || answer.has('error')) {
    // The code is about to be used up, and should not stay in the address bar or the history.
    history.replaceState(null, '', '/demo/');
    show(el('p.record', { role: 'status' }, 'Connecting…'));
    await comeBack(answer);
  }
  await (current() ? record() : signedOut());
});
