import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture } from './fixture';
import {
  folderOf,
  grid,
  kOrigin,
  kUrl,
  nameOf,
  openBrowser,
  openFolder,
  restoreAndPause,
  row,
  textsOf,
  visit,
} from './support';

const t = textsOf('en');
let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

describe('the page', () => {
  it('takes the token out of the address and still has it after a reload', async () => {
    const { page, leave } = await visit(browser);
    await grid(page, 'files').waitFor();

    expect(page.url()).toBe(`${kOrigin}/`);
    await page.reload();

    await grid(page, 'files').waitFor();
    await leave();
  });

  it('says in both languages what it says in one', async () => {
    const { page, leave } = await visit(browser, { language: 'de' });
    await page.getByRole('heading', { name: textsOf('de').points.title }).waitFor();

    await page.getByRole('button', { name: 'English' }).click();

    await page.getByRole('heading', { name: t.points.title }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    await leave();
  });
});

describe('the time line', () => {
  it('begins with the newest point and follows the arrow keys', async () => {
    const { page, leave } = await visit(browser);
    const list = page.getByRole('listbox');
    const chosen = list.locator('[aria-selected="true"]');
    await expect.poll(() => chosen.textContent()).toContain(t.points.newest);
    const newest = await chosen.getAttribute('id');

    await list.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');

    await expect.poll(() => chosen.getAttribute('id')).not.toBe(newest);
    await page.keyboard.press('End');
    await expect.poll(() => list.getAttribute('aria-activedescendant')).not.toBe(`${newest}`);
    await page.keyboard.press('Home');
    await expect.poll(() => chosen.getAttribute('id')).toBe(newest);
    await leave();
  });

  it('goes to a day of the calendar by keyboard', async () => {
    const { page, leave } = await visit(browser);
    await page.getByRole('button', { name: t.points.goToDate }).click();
    const calendar = page.getByRole('dialog', { name: t.points.goToDate });
    const today = calendar.locator('[aria-current="date"]');
    await today.focus();

    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');

    await calendar.waitFor({ state: 'hidden' });
    const chosen = page.getByRole('listbox').locator('[aria-selected="true"]');
    await expect.poll(() => chosen.textContent()).not.toContain(t.points.today);
    await leave();
  });

  it('tells what changed since the point before', async () => {
    const { page, leave } = await visit(browser);
    await page.getByRole('listbox').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');

    await page.getByRole('button', { name: t.summary.changes }).click();

    await page.getByText(new RegExp(`\\d ${t.summary.changed}`)).waitFor();
    await leave();
  });
});

describe('a point', () => {
  it('is opened as a folder, and says where', async (context) => {
    const { page, leave } = await visit(browser);
    await grid(page, 'files').waitFor();
    const mount = page.getByRole('button', { name: t.summary.mount });
    // A machine without FUSE offers none.
    if ((await mount.count()) === 0) return context.skip();

    await mount.click();

    await page
      .getByText(/^Opened as ./)
      .first()
      .waitFor();
    return leave();
  });

  it('shows the logo of a partner who has one', async () => {
    const logo =
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 4"><path d="M0 0h9v4z"/></svg>';
    const { page, leave } = await visit(browser, {}, async (it) => {
      await it.route('**/logo.svg', (route) =>
        route.fulfill({ contentType: 'image/svg+xml', body: logo }),
      );
      await it.route('**/api/session', async (route) => {
        const session = await (await route.fetch()).json();
        session.brand.logo = '/logo.svg';
        await route.fulfill({ json: session });
      });
    });

    const image = page.locator('header img');
    await image.waitFor();

    expect(
      await image.evaluate((element: HTMLImageElement) => element.naturalWidth),
    ).toBeGreaterThan(0);
    await leave();
  });
});

describe('browsing', () => {
  it('walks by keys, and comes back to the folder that was left', async () => {
    const { page, leave } = await visit(browser);
    const files = grid(page, 'files');
    const name = nameOf(fixture.folder);
    await row(page, name).waitFor();
    await files.focus();

    await page.keyboard.type(name.slice(0, 3));
    await page.keyboard.press('Enter');
    await row(page, fixture.textFile).waitFor();
    await page.keyboard.press('Backspace');

    await row(page, name).waitFor();
    await expect
      .poll(async () => {
        const active = await files.getAttribute('aria-activedescendant');
        return page.locator(`#${active}`).textContent();
      })
      .toContain(name);
    await leave();
  });

  it('draws no more than it shows of a folder of many thousand entries', async () => {
    const { page, leave } = await visit(browser);
    await openFolder(page, fixture.bigFolder);
    const count = fixture.bigCount.toLocaleString('en-GB');
    await page.getByText(`${count} entries`, { exact: true }).waitFor({ timeout: 45_000 });
    const files = grid(page, 'files');
    expect(await page.getByRole('row').count()).toBeLessThan(120);

    await files.focus();
    await page.keyboard.press('End');
    await page.locator(`#files-row-${fixture.bigCount - 1}`).waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(120);
    await files.focus();
    await page.keyboard.press('Control+a');
    await page.getByText(`${count} picked`).waitFor();
    await page.getByRole('button', { name: t.basket.clear, exact: true }).click();
    await leave();
  });

  it('sorts by size, and back by name', async () => {
    const { page, leave } = await visit(browser);
    await openFolder(page, fixture.folder);
    const header = page.getByRole('columnheader', { name: t.browse.size });

    await header.getByRole('button').click();

    await expect.poll(() => header.getAttribute('aria-sort')).toBe('descending');
    await page.getByRole('columnheader', { name: t.browse.name }).getByRole('button').click();
    await expect.poll(() => header.getAttribute('aria-sort')).toBe('none');
    await leave();
  });

  it('greys out what belongs to somebody else and does not pick it', async () => {
    const { page, leave } = await visit(browser);
    await openFolder(page, fixture.folder);
    const denied = row(page, fixture.deniedFile);

    expect(await denied.getAttribute('aria-disabled')).toBe('true');
    expect(await denied.textContent()).toContain('belongs to somebody else');
    expect(await denied.getByRole('checkbox').isDisabled()).toBe(true);
    await leave();
  });

  it('keeps what was picked across folders and a reload', async () => {
    const { page, leave } = await visit(browser);
    await openFolder(page, fixture.folder);
    await row(page, fixture.textFile).getByRole('checkbox').click();
    await page.getByRole('button', { name: t.browse.up, exact: true }).click();
    await page.getByText('1 picked').waitFor();

    await page.reload();

    await page.getByText('1 picked').waitFor();
    await page.getByRole('button', { name: t.basket.clear, exact: true }).click();
    await page.getByText('1 picked').waitFor({ state: 'hidden' });
    await leave();
  });

  it('picks a range with shift and drops it again on the way back', async () => {
    const { page, leave } = await visit(browser);
    await openFolder(page, folderOf(fixture.folder));
    await grid(page, 'files').focus();
    await page.keyboard.press('Home');

    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    await page.getByText('3 picked').waitFor();
    await page.keyboard.press('Shift+ArrowUp');

    await page.getByText('2 picked').waitFor();
    await leave();
  });
});

describe('searching', () => {
  it('finds by a part of the name, from the first key on', async () => {
    const { page, leave } = await visit(browser);
    await grid(page, 'files').waitFor();

    await page.keyboard.press('/');
    await page.keyboard.type(fixture.searched);

    await row(page, fixture.textFile).waitFor();
    await page.keyboard.press('Escape');
    await grid(page, 'files').waitFor();
    await leave();
  });

  it('finds what was deleted, and says so', async () => {
    const { page, leave } = await visit(browser);
    await page.getByRole('searchbox').fill(fixture.deletedFile.slice(0, -4));

    const found = row(page, fixture.deletedFile);
    await found.waitFor();

    expect(await found.textContent()).toContain(t.search.gone);
    await leave();
  });

  it('says so when nothing has that name', async () => {
    const { page, leave } = await visit(browser);
    await page.getByRole('searchbox').fill('zzqqxx');
    await page.getByText('Nothing is called “zzqqxx”').waitFor();
    await leave();
  });
});

describe('versions', () => {
  it('shows two side by side, with what each holds', async () => {
    const { page, leave } = await visit(browser);
    await page.getByRole('searchbox').fill(fixture.searched);
    await row(page, fixture.textFile).getByRole('button', { name: fixture.textFile }).click();
    await page.getByRole('option').nth(1).waitFor();

    await page.getByRole('switch', { name: t.versions.compare }).click();

    await expect.poll(() => page.locator('pre').count()).toBe(2);
    const texts = await page.locator('pre').allTextContents();
    expect(texts[0]).not.toBe(texts[1]);
    await leave();
  });

  it('come back to the row they were opened from, with the focus on the list', async () => {
    const { page, leave } = await visit(browser);
    await openFolder(page, `${fixture.folder}/${fixture.textFile}`);
    await page.getByRole('option').first().waitFor();

    await page.getByRole('button', { name: t.versions.back, exact: true }).click();

    const files = grid(page, 'files');
    await row(page, fixture.textFile).waitFor();
    await expect
      .poll(async () => {
        const active = await files.getAttribute('aria-activedescendant');
        return page.locator(`#${active}`).textContent();
      })
      .toContain(fixture.textFile);
    expect(await files.evaluate((element) => element === document.activeElement)).toBe(true);
    await leave();
  });

  it('shows a picture from memory', async () => {
    const { page, leave } = await visit(browser);
    const name = nameOf(fixture.picture);
    await openFolder(page, fixture.picture);

    const picture = page.getByRole('img', { name });
    await picture.waitFor();

    expect(await picture.getAttribute('src')).toMatch(/^blob:/);
    await leave();
  });

  it('shows hostile markup as text', async () => {
    const { page, leave } = await visit(browser);
    await openFolder(page, `${fixture.folder}/${fixture.hostileFile}`);
    await page.locator('pre').waitFor();

    expect(await page.locator('pre').textContent()).toContain('<script>');
    expect(await page.title()).not.toBe('taken over');
    expect(await page.locator('main img').count()).toBe(0);
    await leave();
  });
});

describe('restoring', () => {
  it('tells what would happen, then restores and reports', async () => {
    const { page, leave } = await visit(browser);
    await openFolder(page, fixture.folder);
    await row(page, fixture.textFile).getByRole('checkbox').click();
    if (fixture.troubledFile !== null) {
      await row(page, fixture.troubledFile).getByRole('checkbox').click();
    }
    await page.getByRole('button', { name: t.basket.restore }).click();
    const dialog = page.getByRole('dialog', { name: t.restore.title });
    expect(await dialog.getByRole('radio', { name: t.restore.both }).isChecked()).toBe(true);

    await dialog.getByRole('button', { name: t.restore.tryOut }).click();
    await dialog.getByRole('heading', { name: t.would.title }).waitFor();
    await dialog.getByRole('button', { name: t.restore.start }).click();

    const report = page.getByRole('region', { name: t.report.title });
    await report.waitFor({ timeout: 30_000 });
    if (fixture.troubledFile !== null) {
      expect(await report.textContent()).toContain(fixture.troubledFile);
    }
    await page.getByRole('button', { name: t.report.copy }).click();
    await page.getByRole('button', { name: t.report.copied }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied.split('\n').length).toBeGreaterThan(1);
    await page.getByRole('button', { name: t.restore.another }).click();
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await leave();
  });

  it('pauses, goes on, and is found again by a reloaded page', async () => {
    const { page, leave } = await visit(browser);

    await restoreAndPause(page, fixture.bigFolder, t);
    await page.reload();
    await page.getByRole('button', { name: /^Restoring: / }).click();
    await page.getByRole('button', { name: t.restore.resume, exact: true }).click();
    await page.getByRole('button', { name: t.restore.cancel, exact: true }).click();

    await page.getByText(t.report.cancelled).last().waitFor();
    await leave();
  });

  it('goes from a name to a restored file by keyboard alone', async () => {
    const { page, leave } = await visit(browser);
    await grid(page, 'files').waitFor();
    const press = async (key: string, until: () => Promise<boolean>) => {
      for (let times = 0; times < 40; times += 1) {
        if (await until()) return;
        await page.keyboard.press(key);
      }
      throw new Error(`${key} never reached it`);
    };
    const focused = (name: string | RegExp) => async () => {
      const text = await page.evaluate(() => {
        const element = document.activeElement as HTMLInputElement;
        // A container that has the focus holds the text of everything in it.
        if (!element.matches('input, button')) return '';
        return `${element.getAttribute('aria-label') ?? ''} ${element.textContent ?? ''} ${
          element.labels?.[0]?.textContent ?? ''
        }`;
      });
      return typeof name === 'string' ? text.includes(name) : name.test(text);
    };

    await page.keyboard.press('/');
    await page.keyboard.type(fixture.searched);
    await row(page, fixture.textFile).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('option').nth(1).waitFor();
    await page.keyboard.press('ArrowDown');
    await press('Tab', focused(t.versions.restore));
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: t.restore.title });
    await dialog.waitFor();
    await press('Shift+Tab', focused(t.restore.original));
    await page.keyboard.press('ArrowDown');
    await press('Tab', focused(t.restore.pickFolder));
    await page.keyboard.press('Enter');
    await page.getByRole('list', { name: t.picker.folders }).waitFor();
    await press('Tab', focused(t.picker.newLabel));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /Restored \d/ }).waitFor();
    await page.getByRole('list', { name: t.picker.folders }).waitFor();
    await press('Tab', focused(t.picker.choose));
    await page.keyboard.press('Enter');
    await press('Tab', focused(t.restore.start));
    await page.keyboard.press('Enter');

    await page.getByText(t.report.good).last().waitFor({ timeout: 30_000 });
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await leave();
  });
});

describe('grants', () => {
  it('opens by a code what belonged to somebody else, and is given back', async (context) => {
    const code = fixture.grantCodes[4];
    if (code === undefined) return context.skip();
    const { page, leave } = await visit(browser);
    await page.getByRole('button', { name: t.grant.enter }).click();
    const dialog = page.getByRole('dialog', { name: t.grant.enter });
    await dialog.getByLabel(t.grant.code, { exact: true }).fill('wrong123');
    await dialog.getByRole('button', { name: t.grant.use }).click();
    await dialog.getByRole('alert').waitFor();

    await dialog.getByLabel(t.grant.code, { exact: true }).fill(code.toLowerCase());
    await dialog.getByRole('button', { name: t.grant.use }).click();

    const banner = page.getByRole('region', { name: t.grant.inForce });
    await banner.waitFor();
    expect(await banner.textContent()).toContain(fixture.deniedFolder);
    await banner.getByRole('button', { name: t.grant.giveBack }).click();
    await banner.waitFor({ state: 'hidden' });
    return leave();
  });
});

describe('a grant as a document', () => {
  it('is sent as it stands in the file, and what the server says is shown', async () => {
    const sent: string[] = [];
    const { page, leave } = await visit(browser, {}, (it) =>
      it.route('**/api/grants', (route) => {
        sent.push(route.request().postData() ?? '');
        return route.fulfill({
          status: 403,
          json: { error: { kind: 'refused', message: 'grant: expired' } },
        });
      }),
    );
    await page.getByRole('button', { name: t.grant.enter }).click();
    const dialog = page.getByRole('dialog', { name: t.grant.enter });
    await dialog.locator('input[type=file]').setInputFiles({
      name: 'grant.jws',
      mimeType: 'text/plain',
      buffer: Buffer.from('eyJhbGciOiJFZERTQSJ9.x.y'),
    });
    await dialog.getByRole('button', { name: t.grant.use }).click();

    await dialog.getByText('grant: expired').waitFor();

    expect(sent).toEqual(['{"document":"eyJhbGciOiJFZERTQSJ9.x.y"}']);
    await leave();
  });
});

describe('the server', () => {
  it('sends the policy that the page is made for, and refuses a request without the token', async () => {
    const page = await fetch(`${kOrigin}/`);
    const policy = page.headers.get('content-security-policy') ?? '';

    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect((await fetch(`${kOrigin}/api/session`)).status).toBe(401);
    expect(new URL(kUrl).hash).toMatch(/^#token=./);
  });
});
