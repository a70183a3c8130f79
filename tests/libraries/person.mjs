// All programs here have this in common: they show a link, and are given the address to which the member was sent back.

import { createInterface } from 'node:readline/promises';

export const { BASE, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, KEY, KEY_ID } = process.env;

/** Shows the link and waits for the address. */
export async function visit(link) {
  console.log('open', String(link));
  const lines = createInterface({ input: process.stdin });
  const { value } = await lines[Symbol.asyncIterator]().next();
  lines.close();
  return value;
}

/** Fails with `what` unless it holds. */
export function expect(holds, what) {
  if (!holds) throw new Error(`not true: ${what}`);
}

/** Reads the member's Patient, and tells the status and their name. */
export async function read(token, patient) {
  const answer = await fetch(`${BASE}/fhir/Patient/${patient}`, { headers: { Authorization: `Bearer ${token}` } });
  const resource = await answer.json();
  return { status: answer.status, name: resource.name?.[0].text };
}
