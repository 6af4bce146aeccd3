// A viewer without the right to payloads: looks at everything else, and changes nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TOKENS, admin, failedCallback, invoke, open, settled, signIn, until, visit } from './browser.mjs';

const SECRET = 'iban DE02 1203 0000 0000 2020 51';

test('a viewer sees lives and callbacks, and no payload', async (t) => {
  const page = await open(t, { expected: [/^403 .*\/v1\/(config|functions\/worker\/pause)$/] });
  const answers = [];
  page.on('response', (answer) => {
    if (!answer.url().includes('/v1/events')) answers.push(answer.text().catch(() => ''));
  });
  const id = await invoke('worker', { note: SECRET });
  await invoke('silent', { note: SECRET });
  const callback = await failedCallback('silent');
  await until('it is delivered', async () => (await admin('GET', `invocations/${id}`)).callback === 'Delivered');

  await signIn(page, TOKENS.viewer, `#/invocations/${id}`);
  await page.getByText('Your token has no right to see payloads.').waitFor();
  assert.equal(await page.getByRole('button', { name: /payload|Retry|Stop/ }).count(), 0);
  await visit(page, `#/callbacks/${callback.id}`);
  await page.getByText('Your token has no right to see payloads.').waitFor();
  assert.equal(await page.getByRole('button', { name: /envelope|Redrive/ }).count(), 0);
  await visit(page, '#/functions/worker');
  await settled(page);
  assert.equal(await page.getByRole('button', { name: /Pause|Purge|Stop|Retry/ }).count(), 0);
  await page.getByText('Not with the role viewer: Pause, Stop, Retry, Purge', { exact: true }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Configuration' }).count(), 0);
  await visit(page, '#/configuration');
  await page.getByText('Your role does not allow this.').waitFor();
  for (const answer of await Promise.all(answers)) assert.ok(!answer.includes(SECRET), answer);

  // The daemon judges, not the page.
  const refused = await page.evaluate(async () => {
    const answer = await fetch('../v1/functions/worker/pause', {
      method: 'POST',
      headers: { 'x-invoked-admin': '1', 'content-type': 'application/json' },
      body: '{}',
    });
    return answer.status;
  }).catch((error) => error.message);
  assert.equal(refused, 403);
});

test('what runs is stopped and cancelled by an operator, and a viewer is offered neither', async (t) => {
  const page = await open(t);
  await admin('POST', 'functions/steady/pause', {});
  await Promise.all(Array.from({ length: 120 }, (_, order) => invoke('steady', { order })));
  // One in a second, so that it runs on for as long as it is looked at; what comes later is not meant.
  const { id } = await admin('POST', 'functions/steady/stop', { dry_run: false, rate_per_second: 1 });
  const waiting = await invoke('steady', {});
  const offered = async (role, name) => {
    const buttons = await page.getByRole('button', { name: new RegExp(`^${name}`) }).count();
    const withheld = await page.getByText(`Not with the role ${role}: ${name}`, { exact: true }).count();
    return { buttons, withheld };
  };
  for (const [role, expected] of [
    ['viewer', { buttons: 0, withheld: 1 }],
    ['operator', { buttons: 1, withheld: 0 }],
  ]) {
    await signIn(page, TOKENS[role], `#/invocations/${waiting}`);
    await page.locator('.summary').getByText('Enqueued').waitFor();
    assert.deepEqual(await offered(role, 'Stop'), expected, role);
    await visit(page, `#/operations/${id}`);
    const operation = page.locator('.operation');
    await operation.getByText('Running', { exact: true }).waitFor();
    assert.deepEqual(await offered(role, 'Cancel'), expected, role);
    if (role === 'operator') {
      await page.getByRole('button', { name: 'Cancel the operation' }).click();
      await operation.getByText('Cancelled', { exact: true }).waitFor();
    }
    await page.getByRole('button', { name: 'Sign out' }).click();
  }
});
