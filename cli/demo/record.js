// The parts of the page that show a record: coverage, costs and claims, prior authorizations, lab values.

import { read } from './smart.js';
import { card, el, plot, table } from './elements.js';
import { costPlot, costs, valuePlot } from './plot.js';
import { authorization, claim, day, dollars, measurement, period, text } from './words.js';

/** The number of claims shown at a time. */
const STEP = 8;

const matches = (bundle) => (bundle.entry ?? []).filter((entry) => entry.search?.mode === 'match').map((entry) => entry.resource);
const next = (bundle) => bundle.link?.find((link) => link.relation === 'next')?.url;

/** Finds the resource of a reference among those that the server sent along. */
function included(bundles) {
  const all = bundles.flatMap((bundle) => bundle.entry ?? []).map((entry) => entry.resource);
  const known = new Map(all.map((resource) => [`${resource.resourceType}/${resource.id}`, resource]));
  return (reference) => known.get(reference?.reference);
}

/** Coverage as cards. Coverages that have ended are behind a line to open. */
export async function coverage(may) {
  const bundle = await read(`Coverage?_sort=-period${may('Organization') ? '&_include=Coverage:payor' : ''}`);
  const named = included([bundle]);
  const all = matches(bundle).map((each) => insurance(each, named));
  const past = all.filter((each) => each.classList.contains('past'));
  const now = all.filter((each) => !past.includes(each));
  return el('section.stack', el('h2', 'Coverage'), now.length ? now : el('p.soft', 'No coverage is active today.'),
    past.length > 0 && el('details', el('summary', `Earlier coverage (${past.length})`), el('div.stack', past)));
}

function insurance(coverage, named) {
  const part = (code) => coverage.class?.find((each) => each.type?.coding?.some((coding) => coding.code === code));
  const number = coverage.identifier?.find((each) => each.type?.coding?.some((coding) => coding.code === 'MB'));
  const payor = coverage.payor?.[0];
  const row = (name, value, wide) => value && el(wide ? 'div.all' : 'div', el('dt', name), el('dd', value));
  const active = coverage.status === 'active';
  return el(active ? 'article.insurance' : 'article.insurance.past',
    el('div.row', el('span', named(payor)?.name ?? payor?.display ?? 'Plan'),
      el(active ? 'span.pill.good' : 'span.pill.past', active ? 'Active' : coverage.status === 'cancelled' ? 'Ended' : coverage.status)),
    el('h3', part('plan')?.name ?? text(coverage.type) ?? 'Coverage'),
    el('dl',
      row('Member number', number?.value ?? coverage.subscriberId, true),
      row('Kind', text(coverage.type)),
      row('Relationship', text(coverage.relationship)),
      row('Period', coverage.period && period(coverage.period), true),
      row('Network', coverage.network, true),
      row('RxBIN', part('rxbin')?.value),
      row('RxPCN', part('rxpcn')?.value)));
}

/** Cost over time, and the claims behind it, newest first. */
export async function claims(may) {
  const bundles = [];
  const more = async (address) => bundles.push(await read(address));
  await more(`ExplanationOfBenefit?use=claim&_sort=-created&_count=100${may('Organization') ? '&_include=ExplanationOfBenefit:provider' : ''}`);
  const loaded = () => bundles.flatMap(matches).map((eob) => claim(eob, included(bundles)));
  if (loaded().length === 0) {
    return [card('Claims', el('p.soft', 'There are no claims on this record yet.'))];
  }
  const costCard = card('What care cost');
  const list = el('ul.plain.entries');
  const problem = el('p', { role: 'alert' });
  const button = el('button.quiet', { type: 'button', id: 'more' }, 'Show more claims');
  let shown = 0;
  const show = (claims) => {
    list.append(...claims.slice(shown, shown + STEP).map(entry));
    shown = Math.min(shown + STEP, claims.length);
    button.hidden = shown === claims.length && !next(bundles.at(-1));
    costCard.replaceChildren(el('h2', 'What care cost'), ...cost(claims, !next(bundles.at(-1))));
  };
  button.onclick = async () => {
    button.disabled = true;
    problem.textContent = '';
    try {
      if (shown + STEP > loaded().length && next(bundles.at(-1))) {
        await more(next(bundles.at(-1)));
      }
      show(loaded());
    } catch (error) {
      problem.textContent = error.message;
    }
    button.disabled = false;
  };
  show(loaded());
  const claimCard = card('Claims', el('p.soft', 'Newest first. “Your share” is what the plan leaves to you.'), list, problem, el('div.buttons', button));
  claimCard.id = 'claims';
  costCard.id = 'cost';
  return [costCard, claimCard];
}

/** The plot. A claim that another one replaced does not count. */
function cost(all, complete) {
  const counted = all.filter((each) => !each.replaced && each.date);
  if (counted.length === 0) {
    return [el('p.soft', 'No claim has a date and an amount.')];
  }
  const rows = costs(counted);
  const sum = (what) => rows.reduce((total, row) => total + row[what], 0);
  const write = (value) => dollars(value, true);
  return [
    el('p.soft', `${rows.length} months, by the date of care`, complete ? '.' : '; from the newest claims. “Show more claims” goes further back.'),
    el('dl.figures',
      el('div', el('dt', 'the plan paid'), el('dd', dollars(sum('paid')))),
      el('div', el('dt', 'your share'), el('dd', dollars(sum('share'))))),
    plot((width) => costPlot(rows, width, write)),
    el('p.key', el('span', el('i.paid'), 'plan paid'), el('span', el('i.share'), 'your share')),
    el('details', el('summary', 'The same as a table'),
      table(['Month', 'Plan paid', 'Your share'], rows.map((row) => [row.at, dollars(row.paid), dollars(row.share)]))),
  ];
}

function entry(each) {
  const pill = each.replaced ? el('span.pill.past', 'Replaced')
    : each.denied ? el('span.pill.bad', 'Denied')
      : each.partly ? el('span.pill.wait', 'Paid in part') : null;
  return el(each.replaced ? 'li.replaced' : 'li',
    el('div', el('strong', each.provider), ' ', pill, el('div', each.service),
      el('small', `${day(each.date)} · ${each.kind} · billed ${dollars(each.submitted)} · plan paid ${dollars(each.paid)}`)),
    el('div.amounts', el('strong', dollars(each.share)), el('small', 'your share')),
    each.replaced ? el('p.said', 'A corrected claim took its place; it counts nowhere.') : each.denied && el('p.said', `Why: ${each.denied}`),
    each.notes.map((note) => el('p.said', note)));
}

/** Prior authorizations and their decisions. */
export async function authorizations(may) {
  const bundle = await read(`ExplanationOfBenefit?use=preauthorization&_sort=-created&_count=20${may('Organization') ? '&_include=ExplanationOfBenefit:provider' : ''}`);
  const all = matches(bundle).map((eob) => authorization(eob, included([bundle])));
  const pill = (status) => (/^approved/i.test(status) ? 'good' : /^denied/i.test(status) ? 'bad' : 'wait');
  const one = (each) => el('li',
    el('div', el('strong', each.service), el('div', each.provider),
      el('small', `Asked for ${day(each.asked)}${each.valid ? ` · valid ${period(each.valid)}` : ''}${each.number ? ` · ${each.number}` : ''}`)),
    el('div', el(`span.pill.${pill(each.status)}`, each.status)),
    each.reason && el('p.said', `Why: ${each.reason}`));
  const made = card('Prior authorizations', all.length
    ? el('ul.plain.entries', all.map(one))
    : el('p.soft', 'Nobody has asked the plan for leave in advance.'));
  made.id = 'authorizations';
  return made;
}

/** A lab value over time. The newest results give the tests to choose from, and each choice is a search of its own. */
export async function labs() {
  const newest = matches(await read('Observation?category=laboratory&_sort=-date&_count=100')).map(measurement).filter(Boolean);
  const names = new Map(newest.filter((each) => each.code).map((each) => [each.code, each.name]));
  const made = card('Lab values over time');
  made.id = 'labs';
  if (names.size === 0) {
    made.append(el('p.soft', 'There are no lab results with a number on this record.'));
    return made;
  }
  const sorted = [...names].toSorted((a, b) => a[1].localeCompare(b[1]));
  const choice = el('select', { id: 'lab' }, sorted.map(([value, name]) => el('option', { value }, name)));
  const place = el('div');
  const change = async () => {
    try {
      place.replaceChildren(...values(await history(choice.value)));
    } catch (error) {
      place.replaceChildren(el('p', { role: 'alert' }, error.message));
    }
  };
  choice.onchange = change;
  // Hemoglobin A1c changes slowly and says much, so it comes first if there is one.
  choice.value = sorted.find(([value]) => value.endsWith('|4548-4'))?.[0] ?? newest[0].code;
  made.append(el('label', { htmlFor: 'lab' }, 'Test '), choice, place);
  await change();
  return made;
}

/** All values of one test, following `next`; ten pages are enough for a picture. */
async function history(code) {
  const all = [];
  let address = `Observation?code=${encodeURIComponent(code)}&_sort=-date&_count=100`;
  for (let page = 0; address && page < 10; page += 1) {
    const bundle = await read(address);
    all.push(...matches(bundle).map(measurement).filter(Boolean));
    address = next(bundle);
  }
  return all;
}

function values(points) {
  const [newest] = points;
  const range = newest.low === undefined && newest.high === undefined ? null
    : `${newest.low ?? 'up'} to ${newest.high ?? 'any'} ${newest.unit}`;
  const several = points.filter((point) => point.unit === newest.unit);
  return [
    el('dl.figures',
      el('div', el('dt', `newest, ${day(newest.date)}`), el('dd', `${newest.value} ${newest.unit}`)),
      range && el('div', el('dt', 'reference range'), el('dd', range))),
    plot((width) => valuePlot(several, width)),
    el('p.key', range && el('span', el('i.normal'), 'reference range'), range && el('span', el('i.outside'), 'outside of it')),
    el('details', el('summary', 'The same as a table'),
      table(['Date', 'Value'], several.map((point) => [point.date, `${point.value} ${point.unit}`]))),
  ];
}
