import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect, inject } from 'vitest';
import de from '../src/i18n/de.json';
import en from '../src/i18n/en.json';

export const kUrl = inject('url');
export const kOrigin = new URL(kUrl).origin;

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.OBHUT_CHROMIUM ?? '/usr/bin/chromium',
    // Containers that run as root have no user namespaces for the sandbox.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

export interface Look {
  language: 'de' | 'en';
  dark: boolean;
  width: number;
  height: number;
}

export const kPlain: Look = { language: 'en', dark: false, width: 1280, height: 800 };

export function textsOf(language: 'de' | 'en'): typeof en {
  return language === 'de' ? de : en;
}

/** A page that notes everything it must never do. */
export interface Watched {
  page: Page;
  /** Fails if the page broke its policy, asked another host, threw, or showed a raw key. */
  leave(): Promise<void>;
}

export async function visit(
  browser: Browser,
  look: Partial<Look> = {},
  prepare: (page: Page) => Promise<unknown> = async () => {},
  url = kUrl,
): Promise<Watched> {
  const { language, dark, width, height } = { ...kPlain, ...look };
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale: language === 'de' ? 'de-DE' : 'en-GB',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`threw: ${error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    // Chromium's own note on a refused request is part of the tests of refusals.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) {
      faults.push(`console: ${text}`);
    }
  });
  page.on('request', (request) => {
    const address = new URL(request.url());
    if (address.origin !== kOrigin && address.protocol !== 'blob:') {
      faults.push(`asked ${request.url()}`);
    }
  });
  await page.exposeFunction('noteViolation', (what: string) => faults.push(`policy: ${what}`));
  await page.addInitScript((chosen) => {
    sessionStorage.setItem('obhut-language', chosen);
    document.addEventListener('securitypolicyviolation', (event) => {
      const note = (window as unknown as { noteViolation(what: string): void }).noteViolation;
      note(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  }, language);
  await prepare(page);
  await page.goto(url);
  return {
    page,
    leave: async () => {
      expect(faults).toEqual([]);
      await context.close();
    },
  };
}

/** axe, injected past the policy: it is the test's script, not the page's. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const runner = (window as unknown as { axe: typeof axe }).axe;
    const { violations } = await runner.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
    });
    return violations
      .filter((it) => it.impact === 'serious' || it.impact === 'critical')
      .map(
        (it) =>
          `${it.id}: ${it.nodes
            .slice(0, 4)
            .map((node) => node.html.slice(0, 160))
            .join(' | ')}`,
      );
  });
  expect(found).toEqual([]);
}

export const grid = (page: Page, id: 'files' | 'found') => page.locator(`#${id}`);

/** A row by the whole name in it: names may hold anything, so no pattern is made of them. */
export const row = (page: Page, name: string) =>
  page.getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) });

/** Walks down from the root by the breadcrumbs and rows, as a person would. */
export async function openFolder(page: Page, path: string): Promise<void> {
  await page.getByRole('navigation').getByRole('button').nth(2).click();
  for (const name of path.split('/').filter((part) => part !== '')) {
    await row(page, name).getByRole('button', { name, exact: true }).click();
  }
}

export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Begins to restore a whole folder to its place, and holds it up. */
export async function restoreAndPause(
  page: Page,
  path: string,
  t: ReturnType<typeof textsOf>,
): Promise<void> {
  await openFolder(page, folderOf(path));
  await row(page, nameOf(path)).getByRole('checkbox').click();
  await page.getByRole('button', { name: t.basket.restore }).click();
  await page.getByRole('button', { name: t.restore.start }).click();
  await page.getByRole('button', { name: t.restore.pause, exact: true }).click();
  await page.getByRole('button', { name: t.restore.resume, exact: true }).waitFor();
}

export async function fail(page: Page, path: string, status: number, kind: string): Promise<void> {
  await page.route(`**/api/${path}*`, (route) =>
    route.fulfill({
      status,
      contentType: 'application/json',
      body: JSON.stringify({ error: { kind, message: `${path}: made to fail` } }),
    }),
  );
}
