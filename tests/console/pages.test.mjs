// Every page in light and in dark: no serious fault for those who see or hear it otherwise, nothing wider than the screen,
// and a picture. SCREENSHOTS is the directory of the pictures, LOAD_SECONDS how long the daemon has work to do before them.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { CONSOLE, TOKENS, admin, failedCallback, invoke, open, require, settled, signIn, until, visit } from './browser.mjs';

const AXE = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');
const SCRIPT_BYTES_MAX = 120 * 1024;
const PHONE = { width: 390, height: 800 };

/** Pictures of these would be mostly rows. */
const LONG = ['invocations', 'configuration'];

/** Where every page stands, once there is something on it. */
const places = new Map();

/** Work that comes and goes, so that the charts of the pictures show some. */
async function load(seconds) {
  const end = Date.now() + seconds * 1_000;
  for (let turn = 0; Date.now() < end; turn += 1) {
    const many = Math.round(8 + 6 * Math.sin(turn / 30));
    const plan = turn % 9 === 0 ? ['fail', 'ok'] : [`slow:${10 + (turn % 5) * 40}`];
    await Promise.all(Array.from({ length: many }, (_, order) => invoke('worker', { plan, order })));
    await new Promise((done) => setTimeout(done, 200));
  }
}

before(async () => {
  await load(Number(process.env.LOAD_SECONDS));
  const orders = Array.from({ length: 60 }, (_, order) => order + 1);
  for (const order of orders) await invoke('worker', { order, customer: 'c-1009', total: '41.80' });
  await invoke('broken', { plan: ['fail'] });
  const id = await invoke('worker', { plan: ['fail', 'status:503', 'ok'], order: 41, items: [{ sku: 'k-17', count: 2 }] });
  await invoke('silent', { order: 42 });
  const callback = await failedCallback('silent');
  await until('it is delivered', async () => (await admin('GET', `invocations/${id}`)).callback === 'Delivered');
  await admin('POST', 'callbacks/redrive', { function: 'silent', dry_run: true });
  await admin('POST', 'functions/steady/pause', { note: 'until the database is back' });
  for (const order of orders.slice(0, 5)) await invoke('steady', { order });
  const [operation] = (await admin('GET', 'operations')).operations;

  places.set('overview', '#/');
  places.set('functions', '#/functions');
  places.set('function', '#/functions/steady');
  places.set('invocations', '#/invocations?function=worker');
  places.set('invocation', `#/invocations/${id}`);
  places.set('destinations', '#/destinations');
  places.set('destination', `#/destinations/${encodeURIComponent(callback.destination)}`);
  places.set('callbacks', '#/callbacks');
  places.set('callback', `#/callbacks/${callback.id}`);
  places.set('operations', '#/operations');
  places.set('operation', `#/operations/${operation.id}`);
  places.set('configuration', '#/configuration');
  places.set('health', '#/health');
});

async function judged(page, name) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const said = serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
  assert.deepEqual(said, [], name);
  const { wide, screen } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    screen: document.documentElement.clientWidth,
  }));
  assert.ok(wide <= screen, `${name} is ${wide} px wide on a screen of ${screen} px`);
}

/** What is folded away when a page is opened. */
async function unfold(page, name) {
  if (['function', 'destination', 'invocation'].includes(name)) {
    await page.getByRole('button', { name: 'Why?' }).click();
    await page.locator('.answer .reason').waitFor();
  }
  if (name === 'invocation') await page.getByRole('button', { name: 'Show payload and result' }).click();
  if (name === 'callback') await page.getByRole('button', { name: 'Show envelope' }).click();
  if (name === 'overview') await page.locator('.u-over').first().waitFor();
  if (name === 'invocation' || name === 'callback') await page.locator('.content').first().waitFor();
}

async function pictured(page, name, scheme) {
  await page.evaluate(() => document.activeElement?.blur());
  await page.screenshot({ path: join(process.env.SCREENSHOTS, `console-${name}-${scheme}.png`), fullPage: !LONG.includes(name) });
}

for (const scheme of ['light', 'dark']) {
  test(`pages in ${scheme}`, async (t) => {
    const page = await open(t, { colorScheme: scheme });
    await page.goto(CONSOLE);
    await page.getByLabel('Token').waitFor();
    await judged(page, 'sign-in');
    await pictured(page, 'sign-in', scheme);
    await signIn(page, TOKENS.admin);
    for (const [name, hash] of places) {
      await visit(page, hash);
      await settled(page);
      await unfold(page, name);
      await judged(page, name);
      await pictured(page, name, scheme);
    }
    await page.goto(`${CONSOLE}#/callbacks`);
    await page.getByRole('button', { name: 'Redrive what fits…' }).click();
    await page.getByRole('dialog').waitFor();
    await judged(page, 'redrive');
    await pictured(page, 'redrive', scheme);
  });
}

test('the theme can be chosen and is remembered', async (t) => {
  const page = await open(t);
  await signIn(page, TOKENS.admin);
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await background();
  await page.getByLabel('Theme').selectOption('dark');
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.equal(await background(), dark);
});

test('pages fit a narrow screen', async (t) => {
  const page = await open(t, { viewport: PHONE });
  await signIn(page, TOKENS.admin);
  for (const [name, hash] of places) {
    await visit(page, hash);
    await settled(page);
    await judged(page, name);
  }
});

test('lists are paged by the daemon', async (t) => {
  const page = await open(t);
  await signIn(page, TOKENS.operator, '#/invocations?function=worker');
  const rows = page.locator('tbody tr');
  const pages = page.getByRole('navigation', { name: 'Pages', exact: true });
  await pages.getByText('Page 1').waitFor();
  // Its row may change meanwhile, where it leads does not.
  const first = await rows.first().locator('a').first().getAttribute('href');
  const firstIs = (wanted) =>
    page.waitForFunction(
      ([before, same]) => {
        const now = document.querySelector('tbody tr a')?.getAttribute('href');
        return now && (now === before) === same;
      },
      [first, wanted],
    );
  assert.equal(await rows.count(), 50);
  await pages.getByRole('button', { name: 'Next' }).click();
  await pages.getByText('Page 2').waitFor();
  await firstIs(false);
  // The rest.
  await rows.nth(10).waitFor();
  await pages.getByRole('button', { name: 'Previous' }).click();
  await firstIs(true);
});

test('every page says why it cannot be shown, and can be asked again', async (t) => {
  const page = await open(t, { expected: [/^503 /] });
  await signIn(page, TOKENS.admin);
  for (const [name, hash] of places) {
    await page.route('**/v1/**', (route) =>
      route.fulfill({ status: 503, json: { code: 'StoreUnavailable', message: 'the store does not answer', field: null } }),
    );
    await visit(page, hash);
    await page.getByRole('alert').getByText('the store does not answer').first().waitFor();
    await page.unroute('**/v1/**');
    // Those that are asked again by themselves may be gone already.
    await page.evaluate(() => document.querySelectorAll('.refused button').forEach((again) => again.click()));
    await page.waitForFunction(() => document.querySelector('.refused, .loading') === null).catch(() => {
      assert.fail(`${name} does not recover`);
    });
  }
});

test('the script is small', async () => {
  const text = async (address) => (await fetch(new URL(address, CONSOLE))).text();
  const scripts = [...(await text('')).matchAll(/ src="([^"]+\.js)"/g)].map(([, source]) => source);
  assert.ok(scripts.length > 0);
  const sizes = await Promise.all(scripts.map(async (source) => gzipSync(await text(source)).length));
  const size = sizes.reduce((sum, one) => sum + one, 0);
  assert.ok(size <= SCRIPT_BYTES_MAX, `${size} bytes`);
});
