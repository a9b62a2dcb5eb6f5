import { expect, test } from './helpers';

test('see versions, compare two, restore, undo the restore', async ({ perdure }) => {
  await perdure.start('orders.ipynb');
  await expect(perdure.panel).toContainText('keeps no versions yet');
  await perdure.button('Load perdure').click();
  await expect(perdure.panel).toContainText('Every cell that you run becomes a version');

  await perdure.cell(
    'import pandas as pd\norders = pd.DataFrame({"product": ["tea", "mug", "pot"], "price": [3.5, 9.0, 21.0]})'
  );
  await perdure.cell('total = orders.price.sum()');
  await perdure.cell('best = ["tea"]\nshelves = {"left": best}');
  await perdure.cell('orders["price"] *= 1.1');
  await perdure.cell('1 / 0');
  const began = Date.now();
  await perdure.cell('del total');
  await expect(perdure.rows).toHaveCount(6, { timeout: 3000 });
  test.info().annotations.push({ type: 'time', description: `run and shown in ${Date.now() - began} ms` });
  await expect(perdure.row('1 / 0')).toContainText('failed');
  await expect(perdure.row('del total')).toContainText('now');
  await expect(perdure.status).toContainText('saved · main [6]');

  // One version: its code, and what it changed, before and after.
  await perdure.row('orders["price"] *= 1.1').click();
  await expect(perdure.detail.locator('.perdure-Code')).toContainText('*= 1.1');
  await expect(perdure.detail.locator('[data-kind="changed"] dd').first()).toContainText('3.5');
  await expect(perdure.detail.locator('[data-kind="changed"] dd').nth(1)).toContainText('3.85');
  await perdure.look('versions');

  // Two versions: what differs.
  await perdure.row('del total').click({ modifiers: ['ControlOrMeta'] });
  await expect(perdure.detail).toContainText('What differs');
  await expect(perdure.detail).toContainText('1 variable differs');
  await perdure.look('compare');

  // A variable's history.
  await perdure.row('orders["price"] *= 1.1').click();
  await perdure.detail.getByRole('button', { name: 'orders', exact: true }).click();
  await expect(perdure.detail.locator('.perdure-History > li')).toHaveCount(2);
  await perdure.button('Find where this changed last').click();
  await expect(perdure.detail.locator('h3')).toContainText('[4] orders["price"] *= 1.1');

  // A copy beside today's.
  await perdure.row('total = orders').click();
  await perdure.button('Copy', perdure.detail).click();
  await expect(perdure.told).toContainText('is in the variable total_');
  const [, copy] = /variable (total_\w+)/.exec((await perdure.told.textContent()) ?? '') ?? [];
  expect(await perdure.value(copy)).toContain('33.5');

  // Restore: seen first, then done, then undone.
  await perdure.row('best = ').click();
  await perdure.button('Restore…', perdure.detail).click();
  await expect(perdure.detail).toContainText('1 changes');
  await expect(perdure.detail).toContainText('comes back');
  await perdure.look('restore');
  await perdure.button('Restore', perdure.detail).click();
  await expect(perdure.told).toContainText('Restored [3] best = ["tea"]');
  await expect(perdure.row('best = ')).toContainText('now');
  expect(await perdure.value('float(orders.price[0]), float(total)')).toBe('(3.5, 33.5)');
  await perdure.look('restored');
  await perdure.button('Undo restore').click();
  await expect(perdure.told).toContainText('The restore is undone');
  expect(await perdure.value('float(orders.price[0])')).toContain('3.85');
  expect(await perdure.value('total')).toBe('NameError');

  // Search.
  await perdure.panel.getByRole('searchbox').fill('shelves');
  await expect(perdure.panel).toContainText('1 version found');
  await perdure.panel.getByRole('searchbox').fill('');
  await perdure.panel.getByLabel('Outcome').selectOption('error');
  await expect(perdure.panel).toContainText('1 version found');
  await expect(perdure.rows).toHaveCount(1);
  await perdure.panel.getByLabel('Outcome').selectOption('');
  await expect(perdure.rows).not.toHaveCount(1);
});

test('restore the notebook’s cells too, as one step in the editor', async ({ perdure }) => {
  await perdure.start('cells.ipynb');
  await perdure.cell('%load_ext perdure');
  await perdure.cell('x = 1');
  await perdure.cell('y = 2');
  await expect(perdure.rows).toHaveCount(2);
  await perdure.edit(1, 'x = 10');
  await perdure.page.keyboard.press('Shift+Enter');
  await expect(perdure.row('x = 10')).toContainText('now');

  await perdure.row('y = 2').click();
  await perdure.button('Restore…', perdure.detail).click();
  await perdure.detail.getByLabel(/Variables and notebook cells/).check();
  await perdure.button('Restore', perdure.detail).click();
  await expect(perdure.told).toContainText('Restored [3] y = 2');
  expect(await perdure.text(1)).toBe('x = 1');
  expect(await perdure.value('x')).toBe('1');

  // The editor's own undo takes the cells back in one step ...
  await perdure.command('notebook:undo-cell-action');
  expect(await perdure.text(1)).toBe('x = 10');
  await perdure.command('notebook:redo-cell-action');
  expect(await perdure.text(1)).toBe('x = 1');
  // ... and so does the undo of the restore, with the variables.
  await perdure.button('Undo restore').click();
  await expect(perdure.told).toContainText('The restore is undone');
  expect(await perdure.text(1)).toBe('x = 10');
  expect(await perdure.value('x')).toBe('10');
});

test('what is asked waits behind a running cell, and the panel says so', async ({ perdure }) => {
  await perdure.start('busy.ipynb');
  await perdure.cell('%load_ext perdure');
  await perdure.cell('x = 1');
  await perdure.cell('x = 2');
  await expect(perdure.rows).toHaveCount(2);
  await perdure.cell('import time; time.sleep(4)', false);
  await perdure.row('x = 1').click();
  // Reading needs no kernel: this is there while the cell runs.
  await expect(perdure.detail.locator('.perdure-Code')).toHaveText('x = 1', { timeout: 2000 });
  await perdure.button('Restore…', perdure.detail).click();
  await perdure.button('Restore', perdure.detail).click();
  await expect(perdure.told).toContainText('waiting for the running cell to finish');
  await expect(perdure.told).toContainText('Restored', { timeout: 15_000 });
  expect(await perdure.value('x')).toBe('1');
});

test('a version shows the pictures that its cell still has', async ({ perdure }) => {
  await perdure.start('pictures-of-cells.ipynb');
  await perdure.cell('%load_ext perdure');
  await perdure.cell('from IPython.display import SVG\nfrom PIL import Image');
  await perdure.cell(
    [
      'side = 40',
      "circle = \"<svg xmlns='http://www.w3.org/2000/svg' width='80' height='40'><circle cx='20' cy='20' r='15' fill='teal'/></svg>\"",
      'display(Image.new("RGB", (side, side), "orange"), SVG(circle))'
    ].join('\n')
  );
  await perdure.row('side = 40').click();
  const pictures = perdure.detail.locator('.perdure-Outputs img');
  await expect(pictures).toHaveCount(2);
  for (const [index, alt] of [/^Output of \[3\]: <PIL/, /^Output of \[3\]: <IPython.*SVG/].entries()) {
    await expect(pictures.nth(index)).toHaveAttribute('alt', alt);
    await expect.poll(() => pictures.nth(index).evaluate((image: HTMLImageElement) => image.naturalHeight)).toBe(40);
  }
  await perdure.look('outputs');
  // The cell runs again: its pictures are no longer that version's.
  await perdure.edit(2, 'side = 50');
  await perdure.page.keyboard.press('Shift+Enter');
  await expect(perdure.row('side = 50')).toContainText('now');
  await expect(pictures).toHaveCount(0);
  await expect(perdure.detail.locator('.perdure-Code')).toContainText('side = 40');
});
