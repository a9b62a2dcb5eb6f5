import { existsSync, rmSync } from 'node:fs';
import * as path from 'node:path';

import { expect, test } from './helpers';

test('the kernel’s store is not the server’s: the panel says which is which', async ({ perdure }) => {
  await perdure.start('elsewhere.ipynb');
  await perdure.cell('import os\nos.environ["PERDURE_STORE"] = os.path.abspath("another-store")');
  await perdure.cell('%load_ext perdure');
  await perdure.cell('x = 1');
  const other = path.join(path.dirname(perdure.file('elsewhere.ipynb')), 'another-store');
  await expect(perdure.panel).toContainText(
    `This kernel keeps its versions in ${other}, and this server reads ${perdure.store}.`
  );
  await expect(perdure.panel).toContainText('Set PERDURE_STORE to the same folder for both');
  await expect(perdure.rows).toHaveCount(0);
  await perdure.look('stray');
});

test('there is no store yet: that is how everybody begins', async ({ perdure }) => {
  rmSync(perdure.store, { recursive: true, force: true });
  await perdure.start('beginning.ipynb');
  await expect(perdure.panel).toContainText('This notebook’s kernel keeps no versions yet.');
  expect(existsSync(perdure.store)).toBe(false);
  await perdure.button('Load perdure').click();
  await expect(perdure.panel).toContainText('Every cell that you run becomes a version');
  await perdure.cell('x = 1');
  await expect(perdure.row('x = 1')).toContainText('now');
});

test('a server without perdure is named, and found when it has it', async ({ page, perdure }) => {
  await page.route(/\/perdure\/api\//, route => route.fulfill({ status: 404, body: 'Not Found' }));
  await perdure.start('without.ipynb');
  await expect(perdure.panel).toContainText('This JupyterLab’s server has no perdure.');
  await expect(perdure.panel).toContainText('pip install perdure');
  await page.unroute(/\/perdure\/api\//);
  await perdure.button('Look again').click();
  await expect(perdure.panel).toContainText('keeps no versions yet');
});
