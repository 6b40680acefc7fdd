import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { fixture } from './fixture';
import {
  expectAccessible,
  grid,
  type Look,
  openBrowser,
  openFolder,
  restoreAndPause,
  row,
  textsOf,
  visit,
} from './support';

const kShots = fileURLToPath(new URL('./screenshots/', import.meta.url));
let browser: Browser;

beforeAll(async () => {
  mkdirSync(kShots, { recursive: true });
  browser = await openBrowser();
});
afterAll(() => browser.close());

const looks: Look[] = [
  { language: 'de', dark: false, width: 1440, height: 900 },
  { language: 'en', dark: true, width: 1440, height: 900 },
  { language: 'de', dark: true, width: 900, height: 600 },
  { language: 'en', dark: false, width: 900, height: 600 },
];

/** Every view in every look: judged by axe here, and by eye in e2e/screenshots. */
describe('each view is accessible and looked at', () => {
  it.each(looks)('$language, dark $dark, $width x $height', { timeout: 180_000 }, async (look) => {
    const t = textsOf(look.language);
    const { page, leave } = await visit(browser, look);
    let step = 0;
    const seen = async (name: string) => {
      step += 1;
      await page.waitForTimeout(250);
      const number = String(step).padStart(2, '0');
      const tone = look.dark ? 'dark' : 'light';
      await page.screenshot({
        path: `${kShots}${look.language}-${tone}-${look.width}-${number}-${name}.png`,
      });
      await expectAccessible(page);
    };

    await row(page, 'Dokumente').or(grid(page, 'files').getByRole('row').nth(1)).first().waitFor();
    await seen('home');
    await page.getByRole('button', { name: t.points.goToDate }).click();
    await page.getByRole('dialog', { name: t.points.goToDate }).waitFor();
    await seen('calendar');
    await page.keyboard.press('Escape');
    await page.getByRole('listbox').focus();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('button', { name: t.summary.changes }).click();
    await page.getByRole('list').getByRole('listitem').first().waitFor();
    await page.waitForTimeout(500);
    await seen('changes');
    await openFolder(page, fixture.folder);
    await row(page, fixture.textFile).getByRole('checkbox').click();
    await row(page, fixture.hostileFile).getByRole('checkbox').click();
    if (fixture.troubledFile !== null) {
      await row(page, fixture.troubledFile).getByRole('checkbox').click();
    }
    await grid(page, 'files').focus();
    await page.keyboard.press('ArrowDown');
    await seen('folder');
    await page.getByRole('button', { name: /^3 (picked|ausgewählt)/ }).click();
    await seen('basket');
    await page.keyboard.press('Escape');
    await page.getByRole('searchbox').fill(look.language === 'de' ? 'rezept' : 'rech hotel');
    await grid(page, 'found').getByRole('row').nth(1).waitFor();
    await seen('search');
    await page.getByRole('searchbox').fill(fixture.searched);
    await row(page, fixture.textFile).getByRole('button', { name: fixture.textFile }).click();
    await page.locator('pre').waitFor();
    await seen('versions');
    await page.getByRole('switch').click();
    await seen('compare');
    await page.getByRole('button', { name: t.versions.back, exact: true }).click();
    await page.getByRole('searchbox').fill('');
    await openFolder(page, fixture.picture);
    await page.getByRole('img', { name: /version/i }).waitFor();
    await seen('picture');
    await page.getByRole('button', { name: t.basket.restore }).click();
    await page.getByRole('radio', { name: t.restore.folder }).click();
    await page.getByRole('button', { name: t.restore.tryOut }).click();
    await page.getByRole('heading', { name: t.would.title }).waitFor();
    await seen('restore');
    await page.getByRole('button', { name: t.restore.pickFolder }).click();
    await page.getByRole('list', { name: t.picker.folders }).waitFor();
    await seen('picker');
    await page.getByRole('button', { name: t.picker.choose }).click();
    await page.getByRole('button', { name: t.restore.start }).click();
    await page.getByRole('region', { name: t.report.title }).waitFor({ timeout: 30_000 });
    await seen('report');
    await page.getByRole('button', { name: t.restore.allRestores }).click();
    await seen('restores');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: t.grant.enter }).click();
    await page.getByRole('dialog', { name: t.grant.enter }).waitFor();
    await seen('grant');
    const code = fixture.grantCodes[looks.indexOf(look)];
    if (code !== undefined) {
      await page.getByLabel(t.grant.code, { exact: true }).fill(code);
      await page.getByRole('button', { name: t.grant.use }).click();
      await page.getByRole('region', { name: t.grant.inForce }).waitFor();
      await seen('banner');
      await page.getByRole('button', { name: t.grant.giveBack }).click();
      await page.getByRole('region', { name: t.grant.inForce }).waitFor({ state: 'hidden' });
    } else {
      await page.keyboard.press('Escape');
    }
    // Thousands of files: a few would be back before anybody could look.
    await page.getByRole('button', { name: t.versions.back, exact: true }).click();
    await restoreAndPause(page, fixture.bigFolder, t);
    await seen('progress');
    await page.getByRole('button', { name: t.restore.cancel, exact: true }).click();
    await page.getByText(t.report.cancelled).last().waitFor();
    await seen('cancelled');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: t.help.title }).click();
    await page.getByRole('dialog', { name: t.help.title }).waitFor();
    await seen('help');
    await leave();
  });
});
