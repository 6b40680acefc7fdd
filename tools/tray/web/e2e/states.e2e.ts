import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, fail, kOrigin, openBrowser, textsOf, visit } from './support';

const t = textsOf('en');
let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

const states: [string, (page: Page) => Promise<unknown>, string][] = [
  [
    'no point yet',
    (page) => page.route('**/api/points*', (route) => route.fulfill({ json: { points: [] } })),
    t.state.noPoints.title,
  ],
  [
    'the cluster out of reach',
    (page) => fail(page, 'points', 503, 'unavailable'),
    t.state.clusterAway.title,
  ],
  ['the key missing', (page) => fail(page, 'points', 409, 'key-missing'), t.state.keyMissing.title],
  [
    'the daemon stopped',
    (page) => fail(page, 'points', 503, 'daemon-stopped'),
    t.state.daemonStopped.title,
  ],
  ['the session over', (page) => fail(page, 'points', 401, 'refused'), t.state.sessionOver.title],
  [
    'the tray program gone',
    (page) => page.route('**/api/points*', (route) => route.abort()),
    t.state.windowClosed.title,
  ],
  [
    'an answer that is no JSON',
    (page) =>
      page.route('**/api/session*', (route) => route.fulfill({ status: 500, body: '<h1>oops' })),
    t.state.failed.title,
  ],
  ['a folder refused', (page) => fail(page, 'entries', 403, 'refused'), t.browse.refused.title],
  [
    'a folder not there',
    (page) => fail(page, 'entries', 404, 'not-found'),
    t.browse.notThere.title,
  ],
  ['a folder that failed', (page) => fail(page, 'entries', 500, 'corrupt'), t.state.failed.title],
];

describe('an empty or failed state says in words what to do', () => {
  it.each(states)('%s', async (_name, prepare, title) => {
    const { page, leave } = await visit(browser, {}, prepare);

    await page.getByRole('heading', { name: title }).waitFor();

    expect(await page.locator('body').textContent()).not.toMatch(/undefined|\[object|at \w+ \(/);
    await expectAccessible(page);
    await leave();
  });

  it('an answer of another shape ends in words, not in a blank page', async () => {
    const { page } = await visit(browser, {}, (it) =>
      it.route('**/api/points*', (route) => route.fulfill({ json: { points: [{}, null] } })),
    );
    await page.getByRole('heading', { name: t.state.broken.title }).waitFor();
    await page.context().close();
  });

  it('a window without a token says where a new one is', async () => {
    const { page, leave } = await visit(browser, {}, async () => {}, `${kOrigin}/`);
    await page.getByRole('heading', { name: t.state.sessionOver.title }).waitFor();
    await leave();
  });

  it('offers the local vault while the cluster is away', async () => {
    const { page, leave } = await visit(browser, {}, (it) =>
      it.route('**/api/points?location=cluster', (route) =>
        route.fulfill({
          status: 503,
          json: { error: { kind: 'unavailable', message: 'cluster: no route' } },
        }),
      ),
    );
    await page.getByRole('heading', { name: t.state.clusterAway.title }).waitFor();

    await page.getByRole('button', { name: /^Use the vault in/ }).click();

    await page.getByRole('listbox').waitFor();
    await leave();
  });

  it('goes on by "try again" once the daemon is back', async () => {
    let stopped = true;
    const { page, leave } = await visit(browser, {}, (it) =>
      it.route('**/api/session', (route) =>
        stopped
          ? route.fulfill({
              status: 503,
              json: { error: { kind: 'daemon-stopped', message: 'obhutd: no socket' } },
            })
          : route.continue(),
      ),
    );
    await page.getByRole('heading', { name: t.state.daemonStopped.title }).waitFor();
    stopped = false;

    await page.getByRole('button', { name: t.state.retry }).click();

    await page.getByRole('listbox').waitFor();
    await leave();
  });
});
