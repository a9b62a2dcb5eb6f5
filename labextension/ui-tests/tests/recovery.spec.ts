import { expect, test } from './helpers';

test('a kernel is killed; its variables come back from the notification', async ({ page, perdure }) => {
  await perdure.start('training.ipynb');
  await perdure.cell('%load_ext perdure');
  await perdure.cell('losses = [0.9, 0.5, 0.31]');
  await perdure.cell('config = {"rate": 1e-3, "epochs": 50}');
  await perdure.cell('queue = (n for n in losses)');
  await expect(perdure.rows).toHaveCount(3);
  const pid = Number(await perdure.value('__import__("os").getpid()'));
  process.kill(pid, 'SIGKILL');

  // JupyterLab's own dialog says that the kernel has died.
  await page.locator('.jp-Dialog').getByRole('button', { name: /ok/i }).click({ timeout: 60_000 });
  const offer = page.locator('.Toastify__toast', { hasText: 'Restore 2 variables as of' });
  await expect(offer).toBeVisible();
  await expect(perdure.status).toContainText('not restored');
  await expect(perdure.panel).toContainText('They are not in this kernel');
  expect(await perdure.value('losses')).toBe('NameError');
  await perdure.look('recovery');
  await offer.getByRole('button', { name: 'Restore' }).click();
  await expect(page.locator('.Toastify__toast', { hasText: 'are back' })).toBeVisible({ timeout: 30_000 });
  expect(await perdure.value('losses, config["epochs"]')).toBe('([0.9, 0.5, 0.31], 50)');
  await expect(perdure.status).toContainText('saved · main [4]');

  // And it goes on from there.
  await perdure.cell('losses.append(0.2)');
  await expect(perdure.rows).toHaveCount(4);
});

test('the panel keeps its place when the page is loaded anew', async ({ page, perdure }) => {
  // Renamed after its kernel has begun: the store knows it by the old name.
  await perdure.start('untitled.ipynb');
  await page.evaluate(async () => {
    const { context } = window.jupyterapp.shell.currentWidget as unknown as {
      context: { rename(name: string): Promise<void> };
    };
    await context.rename('reload.ipynb');
  });
  await perdure.cell('%load_ext perdure');
  await perdure.cell('x = 1');
  await perdure.cell('x = 2');
  await expect(perdure.rows).toHaveCount(2);
  await perdure.row('x = 1').click();
  await expect(perdure.detail.locator('.perdure-Code')).toHaveText('x = 1');
  await page.notebook.save();
  await page.waitForTimeout(1500); // JupyterLab saves its state half a second after it has changed
  // Without Galata's waiting: it would wait for the launcher, and a notebook comes back.
  await page.reload({ waitForIsReady: false } as Parameters<typeof page.reload>[0]);
  await expect(perdure.detail.locator('.perdure-Code')).toHaveText('x = 1', { timeout: 60_000 });
  // The kernel still has the session, and tells when it is asked.
  await expect(perdure.status).toContainText('saved');
});
