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
