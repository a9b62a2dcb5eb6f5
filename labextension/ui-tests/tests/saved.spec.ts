import { expect, test } from './helpers';

test('a session whose kernel was shut down comes back, from the file browser and from the launcher', async ({
  page,
  perdure
}) => {
  test.setTimeout(240_000);
  await perdure.start('yesterday.ipynb');
  await perdure.cell('%load_ext perdure');
  await perdure.cell('weights = [0.25, 0.75]');
  await expect(perdure.rows).toHaveCount(1);
  await perdure.leave();

  // From the context menu of the notebook's file.
  await page.locator('.jp-DirListing-item', { hasText: 'yesterday.ipynb' }).click({ button: 'right' });
  await page.locator('.lm-Menu').getByText('Restore Saved Session…').click();
  await expect(perdure.detail).toContainText('1 comes back', { timeout: 60_000 });
  await expect(perdure.detail).toContainText('weights');
  await perdure.idle();
  expect(await perdure.value('weights')).toBe('NameError');
  await perdure.button('Restore', perdure.detail).click();
  await expect(perdure.told).toContainText('Restored', { timeout: 60_000 });
  expect(await perdure.value('weights')).toBe('[0.25, 0.75]');
  await perdure.cell('weights.append(2)');
  await expect(perdure.rows).toHaveCount(2);
  await perdure.leave();

  // From the launcher, among the sessions of all notebooks.
  await perdure.command('launcher:create');
  await page.locator('.jp-LauncherCard:visible', { hasText: 'Saved session' }).first().click();
  const dialog = page.locator('.jp-Dialog');
  await expect(dialog.locator('select, input').first()).toHaveValue(/yesterday\.ipynb · 1 variable/);
  await dialog.getByRole('button', { name: 'Open' }).click();
  await expect(perdure.detail).toContainText('1 comes back', { timeout: 60_000 });
  await perdure.idle();
  await perdure.button('Restore', perdure.detail).click();
  await expect(perdure.told).toContainText('Restored', { timeout: 60_000 });
  expect(await perdure.value('weights')).toBe('[0.25, 0.75, 2]');
});
