// What the scenarios beside this one share: the browser, a page that tolerates no fault, and the daemon's own API.
//
// CONSOLE_URL is the console's address, API_URL that of the API for invocations, TOKEN_ADMIN, TOKEN_OPERATOR and
// TOKEN_VIEWER are tokens of the daemon, CHROMIUM is the browser's program. What functions and destinations do stands in
// tests/tests/console/bed.rs.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after } from 'node:test';

/** Finds packages in NODE_PATH, which `import` does not. */
export const require = createRequire(import.meta.url);

const { chromium } = require('playwright-core');

export const CONSOLE = process.env.CONSOLE_URL;
export const TOKENS = {
  admin: process.env.TOKEN_ADMIN,
  operator: process.env.TOKEN_OPERATOR,
  viewer: process.env.TOKEN_VIEWER,
};
const TIMEOUT_MS = 20_000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  // Tests run as root, for whom its sandbox does not work; it opens only pages of ours.
  args: ['--no-sandbox', '--font-render-hinting=none'],
});
after(() => browser.close());

/**
 * A page of a browser of its own. At the end of the test nothing may have been logged as an error, thrown, refused by the
 * content security policy, or asked of anybody but the daemon. `expected` are the refusals that the test provokes.
 */
export async function open(t, { expected = [], ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(TIMEOUT_MS);
  const faults = [];
  const origin = new URL(CONSOLE).origin;
  // Asking who is signed in is refused while nobody is.
  const refusals = [/^401 .*\/v1\/session$/, ...expected];
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`asked ${request.url()}`);
  });
  context.on('weberror', (error) => faults.push(`threw ${error.error()}`));
  context.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const status = /status of (\d+)/.exec(message.text())?.[1];
    const refusal = `${status} ${message.location().url.split('?')[0]}`;
    if (status && refusals.some((one) => one.test(refusal))) return;
    faults.push(`logged ${message.text()} (${message.location().url})`);
  });
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(faults, []);
  });
  return context.newPage();
}

/** Opens the console and signs in. */
export async function signIn(page, token, hash = '') {
  await page.goto(`${CONSOLE}${hash}`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Pages of the console' }).waitFor();
}

export async function visit(page, hash) {
  await page.goto(`${CONSOLE}${hash}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** The page as it stands once nothing is awaited any more. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector('.loading') === null);
}

/** Invokes a function asynchronously; the request id. */
export async function invoke(name, payload, headers = {}, qualifier = 'LATEST') {
  const answer = await fetch(`${process.env.API_URL}/2023-03-30/functions/${name}/invocations?qualifier=${qualifier}`, {
    method: 'POST',
    headers: { 'x-fc-invocation-type': 'Async', ...headers },
    body: JSON.stringify(payload),
  });
  assert.equal(answer.status, 202, await answer.text());
  return answer.headers.get('x-fc-request-id');
}

/** Any operation of the admin API. */
export async function admin(method, path, body) {
  const answer = await fetch(new URL(`../v1/${path}`, CONSOLE), {
    method,
    headers: {
      authorization: `Bearer ${TOKENS.admin}`,
      'content-type': 'application/json',
      'x-invoked-admin': '1',
    },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

/** Asks again until `ask` has an answer. */
export async function until(what, ask) {
  const end = Date.now() + TIMEOUT_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < end, `in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The callback of this function, once it was given up. */
export function failedCallback(name) {
  return until(`the callback of ${name} has failed`, async () => {
    const { callbacks } = await admin('GET', `callbacks?function=${name}&status=Failed`);
    return callbacks[0];
  });
}
