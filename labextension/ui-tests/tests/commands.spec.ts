import { expect, test } from './helpers';

test('the tool bar, the menu and the keyboard', async ({ page, perdure }) => {
  const dialog = page.locator('.jp-Dialog');
  const tool = (name: string) =>
    page.locator(`.jp-NotebookPanel-toolbar [data-jp-item-name="${name}"] .jp-ToolbarButtonComponent`);
  await perdure.start('steps.ipynb');
  // Nothing can be undone as long as nothing is kept.
  await expect(tool('perdure-undo')).toHaveAttribute('aria-disabled', 'true');
  await perdure.cell('%load_ext perdure');
  await perdure.cell('step = 1');
  await perdure.cell('step = 2');
  await expect(perdure.row('step = 2')).toContainText('now');

  await tool('perdure-restore-point').click();
  await dialog.locator('input').fill('second-step');
  await dialog.getByRole('button', { name: 'Set' }).click();
  await expect(perdure.told).toContainText('is now called “second-step”');
  await expect(perdure.row('step = 2')).toContainText('⚑ second-step');

  await tool('perdure-undo').click();
  await expect(perdure.told).toContainText('Undone');
  await expect(perdure.row('step = 1')).toContainText('now');
  expect(await perdure.value('step')).toBe('1');

  await page.menu.clickMenuItem('Kernel>Versions>Redo Cell');
  await expect(perdure.told).toContainText('Redone');
  await expect(perdure.row('step = 2')).toContainText('now');
  expect(await perdure.value('step')).toBe('2');

  // Shortcuts work where the notebook has the focus.
  await perdure.edit(-1, '');
  await page.keyboard.press('ControlOrMeta+Alt+z');
  await expect(perdure.told).toContainText('Undone');
  await expect(perdure.row('step = 1')).toContainText('now');
  expect(await perdure.value('step')).toBe('1');
  await page.sidebar.close('right');
  await expect(perdure.panel).toBeHidden();
  await perdure.edit(-1, '');
  await page.keyboard.press('ControlOrMeta+Alt+h');
  await expect(perdure.panel).toBeVisible();

  // The menu has what can be done now, and no more.
  await page.menu.openLocator('Kernel>Versions');
  const entries = page.locator('.lm-Menu').last();
  await expect(entries.getByText('Load perdure in This Kernel')).toBeVisible();
  await expect(entries.locator('.lm-Menu-item', { hasText: 'Load perdure in This Kernel' })).toHaveClass(
    /lm-mod-disabled/
  );
  await expect(entries.locator('.lm-Menu-item', { hasText: 'Set Restore Point…' })).not.toHaveClass(/lm-mod-disabled/);
});
