// Every request of this app goes through this file, so that the page can list them: method, address and status. Tokens,
// codes and bodies are not kept.

const KEPT = 'calls';
const listeners = [];

/** The calls of this tab so far, including those before the sign-in pages. */
export const calls = JSON.parse(sessionStorage.getItem(KEPT) ?? '[]');

/** Calls `listener` after each request. */
export function onCall(listener) {
  listeners.push(listener);
}

/** Notes a step that is no fetch but a navigation of the browser. */
export function note(method, url, status) {
  calls.push({ method, url, status });
  calls.splice(0, Math.max(0, calls.length - 60));
  sessionStorage.setItem(KEPT, JSON.stringify(calls));
  listeners.forEach((listener) => listener());
}

/** A fault that a person should be told of. `code` is the error code of the standard. */
export class Problem extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** Sends a request and returns the answer's JSON. Throws a Problem in the server's own words. */
export async function call(url, options = {}) {
  const method = options.method ?? 'GET';
  let response;
  try {
    response = await fetch(url, { cache: 'no-store', ...options });
  } catch {
    note(method, url, 'no answer');
    throw new Problem('The API does not answer. Is the stack still running?', 'no-answer');
  }
  note(method, url, response.status);
  const answer = await response.json().catch(() => ({}));
  if (response.ok) {
    return answer;
  }
  throw told(response.status, answer);
}

/** The server's words: an OperationOutcome (FHIR R4) or an OAuth error (RFC 6749 §5.2). */
function told(status, answer) {
  const issue = answer.issue?.[0];
  if (issue) {
    return Object.assign(new Problem(sentence(issue.diagnostics ?? issue.details?.text ?? issue.code), issue.code), { status });
  }
  if (answer.error) {
    return Object.assign(new Problem(sentence(answer.error_description ?? answer.error), answer.error), { status });
  }
  return Object.assign(new Problem(`The server answered ${status} and no more.`, 'unknown'), { status });
}

/** A fragment as a sentence. */
export function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
