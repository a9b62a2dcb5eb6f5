import { expect, test } from './helpers';

test('try something from an earlier version, switch back, compare, name', async ({ page, perdure }) => {
  const dialog = page.locator('.jp-Dialog');
  await perdure.start('branches.ipynb');
  await perdure.cell('%load_ext perdure');
  await perdure.cell('price = 10');
  await perdure.cell('price = price * 2');
  await perdure.row('price = 10').click();
  await perdure.button('Restore…', perdure.detail).click();
  await perdure.button('Restore', perdure.detail).click();
  await expect(perdure.told).toContainText('Restored');
  await perdure.cell('price = price + 1');
  await expect(perdure.rows).toHaveCount(3);
  await expect(perdure.status).toContainText('main-2');

  await perdure.panel.getByRole('tab', { name: 'Branches' }).click();
  const main = perdure.panel.locator('[data-branch="main"]');
  const other = perdure.panel.locator('[data-branch="main-2"]');
  await expect(other).toContainText('current');
  await perdure.button('Rename main-2…').click();
  await dialog.locator('input').fill('plus-one');
  await dialog.getByRole('button', { name: 'Rename' }).click();
  await expect(perdure.told).toContainText('is now called “plus-one”');
  await expect(perdure.panel.locator('[data-branch="plus-one"]')).toContainText('current');

  await perdure.button('New…', perdure.panel.locator('section', { hasText: 'Restore points' })).click();
  await dialog.locator('input').fill('before-review');
  await dialog.getByRole('button', { name: 'Set' }).click();
  await expect(perdure.panel).toContainText('⚑ before-review');
  await perdure.look('branches');

  await perdure
    .button('Switch to main', main)
    .or(main.getByRole('button', { name: 'Switch' }))
    .first()
    .click();
  await expect(perdure.told).toContainText('On branch “main”');
  expect(await perdure.value('price')).toBe('20');
  await expect(main).toContainText('current');
  await perdure.panel.locator('[data-branch="plus-one"]').getByRole('button', { name: 'Compare' }).click();
  await expect(perdure.detail).toContainText('1 variable differs');
  await expect(perdure.detail).toContainText('11');
  await expect(perdure.detail).toContainText('20');
  await perdure.look('graph');
});
