// Lists of very many: walked through as an operator does, and never more than a page of them asked for.
//
// CROWD_LIVE tasks of the function `crowd` wait, CROWD_FAILED have failed before (and more have succeeded), and CROWD_NAMED
// is the id of one in their midst.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TOKENS, open, settled, signIn, visit } from './browser.mjs';

const PAGE = 50;
/** Functions to choose from: the most that any request may ask for. */
const ROWS_MAX = 100;
/** Points of the overview's hour, which the session begins with. */
const NO_LIST = /\/v1\/(series|events)/;
const BYTES_MAX = 256 * 1024;

const LIVE = Number(process.env.CROWD_LIVE);
const FAILED = Number(process.env.CROWD_FAILED);
const NAMED = process.env.CROWD_NAMED;

/** The longest list anywhere in an answer. */
function longest(value) {
  if (Array.isArray(value)) return Math.max(value.length, ...value.map(longest));
  if (value === null || typeof value !== 'object') return 0;
  return Math.max(0, ...Object.values(value).map(longest));
}

/** Every answer of the API that the page gets, judged at the end. */
function judged(page, t) {
  const answers = [];
  page.on('response', (answer) => {
    const { pathname, search } = new URL(answer.url());
    if (!pathname.startsWith('/v1/') || NO_LIST.test(pathname)) return;
    const body = answer.text().catch(() => '');
    answers.push(body.then((text) => ({ asked: pathname + search, text })));
  });
  t.after(async () => {
    const all = await Promise.all(answers);
    assert.ok(all.some(({ asked }) => asked.includes('/v1/invocations?')), 'lists were asked for');
    for (const { asked, text } of all) {
      assert.ok(text.length <= BYTES_MAX, `${asked}: ${text.length} bytes`);
      if (text === '') continue;
      const most = asked.startsWith('/v1/invocations?') ? PAGE : ROWS_MAX;
      assert.ok(longest(JSON.parse(text)) <= most, `${asked}: a list of ${longest(JSON.parse(text))}`);
    }
  });
}

function list(page) {
  const rows = page.locator('tbody tr');
  const pager = page.getByRole('navigation', { name: 'Pages', exact: true });
  return {
    rows,
    /** The ids on the page with this number, once they are there. */
    async ids(number) {
      await pager.getByText(`Page ${number}`, { exact: true }).waitFor();
      await settled(page);
      return rows.locator('th').allTextContents();
    },
    next: () => pager.getByRole('button', { name: 'Next' }).click(),
    previous: () => pager.getByRole('button', { name: 'Previous' }).click(),
    isLast: () => pager.getByRole('button', { name: 'Next' }).isDisabled(),
  };
}

async function filtered(page, status) {
  await page.getByLabel('Status').selectOption(status);
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL((url) => url.hash.includes(`status=${status}`));
}

test('those that wait are paged through forward and back', async (t) => {
  const page = await open(t);
  judged(page, t);
  await signIn(page, TOKENS.viewer, '#/functions/crowd');
  const live = page.getByRole('region', { name: 'Invocations', exact: true });
  await live.getByText(LIVE.toLocaleString('en-US'), { exact: true }).first().waitFor();
  await page.getByRole('link', { name: 'Its invocations' }).click();
  await filtered(page, 'Enqueued');
  const { rows, ids, next, previous } = list(page);
  const pages = [await ids(1)];
  for (let number = 2; number <= 5; number += 1) {
    await next();
    pages.push(await ids(number));
  }
  for (const one of pages) assert.equal(one.length, PAGE);
  assert.equal(new Set(pages.flat()).size, PAGE * pages.length, 'no row is met twice');
  assert.equal(await rows.getByText('Enqueued', { exact: true }).count(), PAGE);
  for (let number = 4; number >= 1; number -= 1) {
    await previous();
    assert.deepEqual(await ids(number), pages[number - 1]);
  }
});

test('those that failed are found behind all that wait, to the last of them', async (t) => {
  const page = await open(t);
  judged(page, t);
  await signIn(page, TOKENS.viewer, '#/invocations?function=crowd');
  const { rows, ids, next, isLast } = list(page);
  assert.equal((await ids(1)).length, PAGE);
  await filtered(page, 'Failed');
  const found = new Set();
  for (let number = 1; ; number += 1) {
    for (const id of await ids(number)) found.add(id);
    assert.equal(await rows.getByText('Failed', { exact: true }).count(), await rows.count());
    if (await isLast()) break;
    await next();
  }
  assert.equal(found.size, FAILED);
});

test('one among them is found by its id', async (t) => {
  const page = await open(t, { expected: [/^40[04] .*\/v1\/invocations\//] });
  judged(page, t);
  await signIn(page, TOKENS.viewer, '#/invocations?function=crowd');
  const [id] = await list(page).ids(1);
  await page.getByLabel('Request or task id').fill(id);
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('heading', { level: 1, name: id }).waitFor();
  await page.locator('.summary').getByText('Enqueued').waitFor();
  await visit(page, '#/invocations?function=crowd');
  await page.getByLabel('Request or task id').fill(NAMED);
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('heading', { name: `Task ${NAMED}` }).waitFor();
  await page.locator('.summary').getByText('Enqueued').waitFor();
});
