// What an operator does in a night: signs in, watches an invocation, sends a lost callback again, holds a lane, asks why.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TOKENS, admin, failedCallback, invoke, open, signIn, until, visit } from './browser.mjs';

test('a wrong token is refused, a right one leads in, and signing out ends the session', async (t) => {
  const page = await open(t);
  await signIn(page, TOKENS.operator);
  const cookies = await page.context().cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite })),
    [{ name: 'invoked_session', httpOnly: true, sameSite: 'Strict' }],
  );
  assert.equal(await page.evaluate(() => document.cookie), '');
  await page.reload();
  await page.getByText('night-shift').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  const token = page.getByLabel('Token');
  await token.fill('not-a-token-of-ours');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('Wrong token').waitFor();
  assert.equal(await token.evaluate((field) => field === document.activeElement), true);
});

test('a session that ends elsewhere leads back to signing in, and then to the same page', async (t) => {
  const page = await open(t, { expected: [/^401 .*\/v1\//] });
  await signIn(page, TOKENS.operator, '#/functions');
  await page.getByRole('link', { name: 'worker' }).waitFor();
  await page.context().clearCookies();
  // By its address: a refresh of the list may be what is refused first, and takes the link away.
  await visit(page, '#/functions/worker');
  await page.getByText('Your session has ended.').waitFor();
  await page.getByLabel('Token').fill(TOKENS.operator);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Function worker' }).waitFor();
});

test('an invocation is watched live from accepted to delivered', async (t) => {
  const page = await open(t);
  await admin('POST', 'functions/worker/pause', {});
  const id = await invoke('worker', { plan: ['fail', 'slow:1500'], order: 17 });
  await signIn(page, TOKENS.operator, `#/invocations/${id}`);
  const summary = page.locator('.summary');
  await summary.getByText('Enqueued').waitFor();
  // Every word that the page shows on the way; it is not loaded again.
  await page.evaluate(() => {
    const summary = document.querySelector('.summary');
    globalThis.seen = [summary.textContent];
    new MutationObserver(() => globalThis.seen.push(summary.textContent)).observe(summary, {
      subtree: true,
      childList: true,
      characterData: true,
    });
  });
  await page.getByRole('button', { name: 'Why?' }).click();
  await page.getByText('Paused', { exact: true }).waitFor();
  await admin('POST', 'functions/worker/resume', {});
  await summary.getByText('Delivered').waitFor();
  await summary.getByText('Succeeded').waitFor();
  const seen = await page.evaluate(() => globalThis.seen);
  assert.ok(seen.some((text) => text.includes('Running')), seen.join('\n'));
  const events = await page.getByRole('list', { name: 'Events, oldest first' }).locator('strong').allTextContents();
  assert.equal(events[0], 'Enqueued');
  assert.ok(events.includes('Retrying'), events.join(' '));
  assert.deepEqual(events.slice(-2), ['Succeeded', 'Delivered']);
  await page.getByRole('button', { name: 'Show payload and result' }).click();
  await page.getByRole('region', { name: 'Payload', exact: true }).getByText('"order": 17').waitFor();
});

test('a plain invocation is watched until nothing is kept of it', async (t) => {
  const page = await open(t);
  await admin('POST', 'functions/plain/pause', {});
  const id = await invoke('plain', {});
  await signIn(page, TOKENS.operator, `#/invocations/${id}`);
  await page.locator('.summary').getByText('Enqueued').waitFor();
  await admin('POST', 'functions/plain/resume', {});
  await page.locator('.summary').getByText('Nothing is kept of it any more').waitFor();
});

test('a failed callback is found, read, redriven, and seen delivered', async (t) => {
  const page = await open(t, { expected: [/^404 .*\/v1\/callbacks\//] });
  const id = await invoke('lost', { order: 18 });
  await failedCallback('lost');
  await signIn(page, TOKENS.operator, '#/callbacks');
  await page.getByLabel('Error code').fill('QueueNotExist');
  await page.getByLabel('Function').fill('lost');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('row').filter({ hasText: 'QueueNotExist' }).getByRole('link', { name: id }).click();
  await page.getByRole('heading', { name: `Callback ${id}` }).waitFor();
  await page.getByRole('button', { name: 'Show envelope' }).click();
  await page.getByRole('region', { name: 'Envelope', exact: true }).getByText('requestContext').waitFor();

  await page.getByRole('button', { name: 'Redrive…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Redrive this callback' });
  await dialog.getByRole('button', { name: 'Count (dry run)' }).click();
  await dialog.getByRole('button', { name: 'Redrive 1' }).click();
  // The page follows the callback: once it is delivered, the dialog about it may be gone.
  await dialog.getByText('Done').or(page.locator('.summary').getByText('Delivered')).first().waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.summary').getByText('Delivered').waitFor();
  await page.locator('.summary').getByRole('link', { name: id }).click();
  const events = page.getByRole('list', { name: 'Events, oldest first' });
  await events.getByText('Redriven').waitFor();
  await events.getByText('Delivered').waitFor();
});

test('failed callbacks are redriven by what they have in common, counted first', async (t) => {
  const page = await open(t);
  await Promise.all([1, 2, 3].map((order) => invoke('many', { order })));
  await until('three callbacks have failed', async () => {
    const { callbacks } = await admin('GET', 'callbacks?function=many&status=Failed');
    return callbacks.length === 3;
  });
  await signIn(page, TOKENS.operator, '#/callbacks?function=many');
  await page.getByRole('checkbox', { name: 'Choose all failed ones of this page' }).check();
  await page.getByRole('button', { name: 'Redrive chosen (3)…' }).waitFor();
  await page.getByRole('button', { name: 'Redrive what fits…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Redrive what fits' });
  const act = dialog.getByRole('button', { name: /^Redrive/ });
  assert.equal(await act.isDisabled(), true, 'nothing is counted yet');
  await dialog.getByRole('button', { name: 'Count (dry run)' }).click();
  await dialog.getByRole('button', { name: 'Redrive 3' }).waitFor();
  // What was counted is no longer what is wanted.
  await dialog.getByLabel('Error code').fill('QueueNotExist');
  assert.equal(await act.isDisabled(), true, 'something else was counted');
  await dialog.getByRole('button', { name: 'Count (dry run)' }).click();
  await dialog.getByRole('button', { name: 'Redrive 3' }).click();
  await dialog.getByText('Done').waitFor();
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  await page.getByText('None. Every destination has what it was owed.').waitFor();
});

test('a lane is paused, asked why, and resumed', async (t) => {
  const page = await open(t);
  await signIn(page, TOKENS.operator, '#/functions');
  await page.getByRole('link', { name: 'steady' }).click();
  await page.getByRole('button', { name: 'Pause' }).click();
  const dialog = page.getByRole('dialog', { name: 'Pause steady?' });
  await dialog.getByLabel('Note').fill('until the database is back');
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('status').getByText('steady is paused.').waitFor();
  await page.getByText('Paused', { exact: true }).first().waitFor();
  const id = await invoke('steady', {});
  await page.getByRole('button', { name: 'Why?' }).click();
  await page.locator('.answer').getByText('Paused').first().waitFor();

  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('status').getByText('steady goes on.').waitFor();
  await until('it has ended', async () => {
    const { status } = await admin('GET', `invocations/${id}`);
    return status === 'Succeeded';
  });
  await page.getByRole('button', { name: 'Pause' }).waitFor();
});

test('a destination is probed, paused and resumed', async (t) => {
  const page = await open(t);
  await signIn(page, TOKENS.operator, '#/destinations');
  await page.getByRole('link', { name: /queues\/orders/ }).click();
  await page.getByRole('button', { name: 'Probe' }).click();
  await page.getByText('Delivered', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused', { exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
});

test('a task is found by its id and stopped, a failed one is done again', async (t) => {
  const page = await open(t, { expected: [/^404 .*\/v1\/invocations\//] });
  const task = 'nightly-42';
  await admin('POST', 'functions/worker/pause', {});
  await invoke('worker', {}, { 'x-fc-async-task-id': task });
  await signIn(page, TOKENS.operator, '#/invocations?function=worker');
  await page.getByLabel('Request or task id').fill(task);
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('heading', { name: `Task ${task}` }).waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
  await page.locator('.summary').getByText('Stopped').waitFor();
  await admin('POST', 'functions/worker/resume', {});
  await page.getByRole('button', { name: 'Retry' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
  await page.locator('.summary').getByText('Succeeded').waitFor();
  await page.getByText(task).first().waitFor();
});

test('what fits is stopped over a whole function after it was counted', async (t) => {
  const page = await open(t);
  await admin('POST', 'functions/steady/pause', {});
  await Promise.all([1, 2].map((order) => invoke('steady', { order })));
  await signIn(page, TOKENS.operator, '#/functions/steady');
  await page.getByRole('button', { name: 'Stop…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Stop invocations of steady' });
  await dialog.getByLabel('Status').selectOption('Enqueued');
  await dialog.getByRole('button', { name: 'Count (dry run)' }).click();
  await dialog.getByRole('button', { name: 'Stop 2' }).click();
  await dialog.getByText('Done').waitFor();
  await dialog.getByRole('link', { name: 'Stop' }).click();
  await page.getByRole('heading', { name: /^Operation/ }).waitFor();
  await visit(page, '#/operations');
  await page.getByRole('row').filter({ hasText: 'Stop (dry run)' }).first().waitFor();
  await admin('POST', 'functions/steady/resume', {});
});

test('what only an admin may is not offered to an operator, and the page says so', async (t) => {
  const page = await open(t);
  await signIn(page, TOKENS.operator, '#/functions/worker');
  const shown = (name) => page.getByRole('button', { name }).count();
  await page.getByText('Not with the role operator: Purge', { exact: true }).waitFor();
  assert.deepEqual([await shown('Stop…'), await shown('Retry…'), await shown('Purge…')], [1, 1, 0]);
  const orders = '#/destinations/acs%3Amns%3A%3A%3A%2Fqueues%2Forders%2Fmessages';
  await visit(page, orders);
  await page.getByText('Not with the role operator: Purge', { exact: true }).waitFor();
  assert.deepEqual([await shown('Pause'), await shown('Probe'), await shown('Purge…')], [1, 1, 0]);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, TOKENS.admin, orders);
  await page.getByRole('button', { name: 'Purge…' }).waitFor();
  await visit(page, '#/functions/worker');
  await page.getByRole('button', { name: 'Purge…' }).waitFor();
  assert.equal(await page.getByText(/^Not with the role/).count(), 0);
});

test('the lanes of qualifiers are shown beside the lane of their function', async (t) => {
  const page = await open(t);
  t.after(() => admin('POST', 'functions/steady/stop', { dry_run: false }));
  await Promise.all([1, 2, 3].map((order) => invoke('steady', { plan: ['slow:20000'], order }, {}, 'canary')));
  await signIn(page, TOKENS.viewer, '#/functions/steady');
  const lanes = page.getByRole('region', { name: 'Lanes of qualifiers' });
  const cells = async (qualifier) => {
    const row = lanes.getByRole('row').filter({ hasText: qualifier });
    const [state, busy, limit, rate, weight, waiting, oldest, reason] = await row.getByRole('cell').allTextContents();
    return { state, busy, limit, rate, weight, waiting, oldest, reason };
  };
  const canary = await until('two wait for the first', async () => {
    const found = await cells('canary');
    return found.waiting === '2' && found;
  });
  assert.deepEqual(
    { ...canary, oldest: '' },
    { state: 'Open', busy: '1', limit: '1', rate: '50/s', weight: '1', waiting: '2', oldest: '', reason: 'Concurrency' },
  );
  assert.match(canary.oldest, / ago$/);
  assert.deepEqual(await cells('stable'), {
    state: 'Open',
    busy: '0',
    limit: '8',
    rate: 'any',
    weight: '3',
    waiting: '0',
    oldest: 'nothing waits',
    reason: 'Nothing',
  });
});

test('a task whose id was chosen is watched live', async (t) => {
  const page = await open(t);
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await admin('POST', 'functions/worker/pause', {});
  await invoke('worker', {}, { 'x-fc-async-task-id': 'weekly-7' });
  await signIn(page, TOKENS.operator, '#/tasks/worker/weekly-7');
  await page.locator('.summary').getByText('Enqueued').waitFor();
  await admin('POST', 'functions/worker/resume', {});
  await page.locator('.summary').getByText('Delivered').waitFor();
  assert.equal(asked.filter((path) => path === '/v1/tasks/worker/weekly-7').length, 1, 'nothing is asked for again and again');
});
