// The console without a mouse: in by the token, past the navigation, to a failed callback, and its redrive.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CONSOLE, TOKENS, failedCallback, invoke, open } from './browser.mjs';

const STEPS_MAX = 80;

/** What has the focus: the name and the role that a reader would say. */
function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const label = element.labels?.[0]?.textContent ?? '';
    const name = element.getAttribute('aria-label') ?? (label || element.textContent);
    const style = getComputedStyle(element);
    return {
      tag: element.tagName.toLowerCase(),
      name: name.trim(),
      isSeen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
    };
  });
}

/** Presses Tab until this has the focus. Everything on the way shows that it has it. */
async function tabTo(page, tag, name) {
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const at = await focused(page);
    if (at.tag === tag && (name instanceof RegExp ? name.test(at.name) : at.name === name)) return;
    if (step > 0 && at.tag !== 'body' && at.tag !== 'html') assert.ok(at.isSeen, `the focus on ${at.tag} ${at.name} is seen`);
    await page.keyboard.press('Tab');
  }
  assert.fail(`${tag} ${name} cannot be reached`);
}

test('a failed callback is redriven by keyboard alone', async (t) => {
  const page = await open(t, { expected: [/^404 .*\/v1\/callbacks\//] });
  const id = await invoke('keys', { order: 19 });
  await failedCallback('keys');
  await page.goto(CONSOLE);
  await page.getByLabel('Token').waitFor();
  assert.equal((await focused(page)).name, 'Token');
  await page.keyboard.type(TOKENS.operator);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();

  // The first stop on a page leads past the navigation.
  await tabTo(page, 'a', 'Skip to the page');
  await page.keyboard.press('Enter');
  assert.equal((await focused(page)).name, 'Overview');

  await tabTo(page, 'a', 'Callbacks');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Callbacks' }).waitFor();
  // The page that was opened is where the reader goes on.
  assert.deepEqual(
    (({ tag, name }) => ({ tag, name }))(await focused(page)),
    { tag: 'h1', name: 'Callbacks' },
  );
  await page.getByRole('link', { name: id }).waitFor();
  await tabTo(page, 'a', id);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: `Callback ${id}` }).waitFor();
  await page.getByRole('button', { name: 'Redrive…' }).waitFor();
  await tabTo(page, 'button', 'Redrive…');

  // Escape leaves the dialog and gives the focus back.
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal((await focused(page)).name, 'Redrive…');

  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await tabTo(page, 'button', 'Count (dry run)');
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: 'Redrive 1' }).waitFor();
  await tabTo(page, 'button', 'Redrive 1');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').getByText('Done').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.summary').getByText('Delivered').waitFor();
});
