// A person who lost a file, in the restore window: types its name, restores it, reads the report.
//
//   node lost_file.mjs WEB URL FILE SHOTS
//
// WEB is the page's folder, whose modules this uses; screenshots of each step go to the folder SHOTS.
// Prints the seconds from the open window to the report.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [web, url, file, shots] = process.argv.slice(2);
const require = createRequire(join(web, 'package.json'));
const { chromium } = require('playwright-core');
const texts = require('./src/i18n/de.json');

const browser = await chromium.launch({ executablePath: process.env.OBHUT_CHROMIUM });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: 'de-DE' });
let step = 0;
const shoot = (name) => page.screenshot({ path: join(shots, `${++step}-${name}.png`) });

const begin = performance.now();
await page.goto(url);
await page.locator('#files').waitFor();
await shoot('window');
await page.getByRole('searchbox').fill(file);
const found = page.getByRole('row').filter({ has: page.getByRole('button', { name: file, exact: true }) });
// The folder that is open lists it too, until the search takes its place.
await page.getByRole('heading', { name: file }).waitFor();
await found.waitFor();
await shoot('found');
await found.getByRole('button', { name: file, exact: true }).click();
await page.getByRole('button', { name: texts.versions.restore }).first().waitFor();
await shoot('versions');
await page.getByRole('button', { name: texts.versions.restore }).first().click();
const dialog = page.getByRole('dialog', { name: texts.restore.title });
await dialog.waitFor();
await dialog.getByRole('radio', { name: texts.restore.original }).click();
await shoot('restore');
await dialog.getByRole('button', { name: texts.restore.start }).click();
await page.getByText(texts.report.good).last().waitFor({ timeout: 60_000 });
const seconds = (performance.now() - begin) / 1000;
await shoot('report');
await browser.close();
process.stdout.write(`${seconds.toFixed(1)}\n`);
