// FHIR in plain words: the meaning of a scope, the content of a claim. Reads resources, makes no elements.

const SCOPES = {
  fhirUser: ['Who you are', 'your name, as the plan has it'],
  offline_access: ['Access while you are away', 'the app can renew its access'],
};
const TYPES = {
  Patient: ['Your personal details', 'name, birth date, address'],
  Coverage: ['Your coverage', 'plan, member number, period'],
  ExplanationOfBenefit: ['Your claims', 'also prior authorizations'],
  Observation: ['Your lab results', 'also vital signs and other observations'],
  Organization: ['Names of hospitals and practices', 'and of the plan'],
  Practitioner: ['Names of doctors', 'and other professionals'],
};

/** A scope as a title and a note. Null for the two that are no choice: they tell who signed in to which record. */
export function scopeInWords(scope) {
  if (scope === 'openid' || scope === 'launch/patient') {
    return null;
  }
  const type = /^(?:patient|user)\/(\w+)\./.exec(scope)?.[1];
  return SCOPES[scope] ?? TYPES[type] ?? [scope, 'what the app did not ask for by this name'];
}

/** The text of a CodeableConcept. */
export function text(concept) {
  return concept?.text ?? concept?.coding?.find((coding) => coding.display)?.display ?? concept?.coding?.[0]?.code ?? '';
}

const has = (concept, code) => concept?.coding?.some((coding) => coding.code === code) ?? false;

const money = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const whole = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD', maximumFractionDigits: 0 });
const longDay = new Intl.DateTimeFormat('en-US', { year: 'numeric', month: 'short', day: 'numeric', timeZone: 'UTC' });

/** An amount in dollars, without cents if there is little room. */
export const dollars = (amount, short = false) => (short ? whole : money).format(amount);

/** A FHIR date as a person writes it. Only its day is shown, as it was written, in any time zone. */
export function day(date) {
  if (!date) {
    return '';
  }
  return date.length < 10 ? date : longDay.format(new Date(`${date.slice(0, 10)}T00:00:00Z`));
}

/** A period from day to day. */
export function period({ start, end } = {}) {
  return end ? `${day(start)} – ${day(end)}` : `since ${day(start)}`;
}

/** A person's name. */
export function name(patient) {
  const own = patient.name?.find((each) => each.use === 'official') ?? patient.name?.[0];
  return own?.text ?? [...(own?.prefix ?? []), ...(own?.given ?? []), own?.family, ...(own?.suffix ?? [])].filter(Boolean).join(' ');
}

/** One of a claim's totals, by its code. */
function total(claim, code) {
  return claim.total?.find((each) => has(each.category, code))?.amount?.value;
}

const KINDS = {
  pharmacy: 'Pharmacy',
  professional: 'Doctor or clinic',
  oral: 'Dentist',
  vision: 'Eye care',
  institutional: 'Hospital',
};

/** The parts of an ExplanationOfBenefit for the list and the plot. `named` finds a referenced resource that was included. */
export function claim(eob, named) {
  const kind = eob.type?.coding?.map((coding) => KINDS[coding.code]).find(Boolean) ?? text(eob.type);
  const stay = text(eob.subType).toLowerCase();
  const services = eob.item?.map((item) => text(item.productOrService)).filter(Boolean) ?? [];
  const share = total(eob, 'memberliability') ?? total(eob, 'paidbypatient') ?? 0;
  const status = eob.payment?.type;
  return {
    id: eob.id,
    kind: kind === 'Hospital' && stay ? `${kind}, ${stay}` : kind,
    service: services.length > 1 ? `${services[0]} and ${services.length - 1} more` : services[0] ?? 'Service not named',
    provider: named(eob.provider)?.name ?? eob.provider?.display ?? 'Provider not named',
    date: (eob.billablePeriod?.start ?? eob.item?.[0]?.servicedDate ?? eob.created ?? '').slice(0, 10),
    submitted: total(eob, 'submitted') ?? 0,
    paid: total(eob, 'benefit') ?? eob.payment?.amount?.value ?? 0,
    share,
    replaced: eob.status === 'cancelled',
    denied: has(status, 'denied') ? reason(eob) || 'The plan gave no reason.' : null,
    partly: has(status, 'partiallypaid'),
    notes: eob.processNote?.map((note) => note.text).filter(Boolean) ?? [],
  };
}

/** The reason why the plan does not pay, if it gives one for the whole claim or for a line. */
function reason(eob) {
  const adjudications = [...(eob.adjudication ?? []), ...(eob.item ?? []).flatMap((item) => item.adjudication ?? [])];
  const find = (code) => text(adjudications.find((each) => has(each.category, code) && each.reason)?.reason);
  return find('denialreason') || find('adjustmentreason');
}

const DECISIONS = { A1: 'Approved', A2: 'Approved in part', A3: 'Denied', A4: 'In review', A6: 'Approved with changes' };

/** The parts of a prior authorization (PDex) for the list. */
export function authorization(eob, named) {
  const extensions = [...(eob.adjudication ?? []), ...(eob.item ?? []).flatMap((item) => item.adjudication ?? [])]
    .flatMap((each) => each.extension ?? [])
    .flatMap((each) => each.extension ?? [])
    .map((each) => each.valueCodeableConcept?.coding?.[0]?.code);
  const decision = extensions.map((code) => DECISIONS[code]).find(Boolean);
  return {
    service: text(eob.item?.[0]?.productOrService) || 'Service not named',
    provider: named(eob.provider)?.name ?? eob.provider?.display ?? 'Provider not named',
    asked: eob.created,
    status: decision ?? (eob.outcome === 'queued' ? 'In review' : eob.disposition ?? 'Decided'),
    valid: eob.preAuthRefPeriod?.[0],
    number: eob.preAuthRef?.[0],
    reason: decision === 'Denied' ? reason(eob) : null,
  };
}

/** The parts of an Observation for the plot; null if it has no number or no date. */
export function measurement(observation) {
  const { valueQuantity: value, referenceRange: [range] = [] } = observation;
  const date = observation.effectiveDateTime ?? observation.effectivePeriod?.start;
  if (typeof value?.value !== 'number' || !date) {
    return null;
  }
  const coding = observation.code?.coding?.[0] ?? {};
  return {
    code: coding.code ? `${coding.system ?? ''}|${coding.code}` : '',
    name: text(observation.code),
    date: date.slice(0, 10),
    value: value.value,
    unit: value.unit ?? value.code ?? '',
    low: range?.low?.value,
    high: range?.high?.value,
  };
}
