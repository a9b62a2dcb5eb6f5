import { loadavg } from 'node:os';

import { expect, type Lab, test } from './helpers';

const COUNT = 10_000;

/** By the page's own clock: when the pointer went down, or else the server was first asked, and when the newest version was seen. */
async function seenAfter(page: Lab, act: () => Promise<void>): Promise<number> {
  await page.evaluate(count => {
    const timed = window as unknown as { down?: number; seen: Promise<number> };
    timed.down = undefined;
    performance.clearResourceTimings();
    document.addEventListener('pointerdown', event => (timed.down = event.timeStamp), { capture: true, once: true });
    timed.seen = new Promise(resolve => {
      const look = (): void => {
        const asked = performance
          .getEntriesByType('resource')
          .find(({ name }) => /perdure.api.sessions.notebook=.*long/.test(name));
        const began = timed.down ?? asked?.startTime;
        const row = document.querySelector<HTMLElement>('.perdure-Row[aria-posinset="1"]');
        const there = row?.offsetParent && row.textContent?.includes(`[${count}]`) && row.querySelector('svg');
        if (began !== undefined && there) {
          resolve(performance.now() - began);
        } else {
          requestAnimationFrame(look);
        }
      };
      look();
    });
  }, COUNT);
  await act();
  return page.evaluate(() => (window as unknown as { seen: Promise<number> }).seen);
}

const middle = (times: number[]): number => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];

test('ten thousand versions are there at once, to the very end', async ({ page, perdure }) => {
  test.setTimeout(240_000);
  await perdure.long('long.ipynb', COUNT);
  await perdure.start('other.ipynb');
  // The server reads the history for the first time, while the notebook opens and its kernel starts.
  const first = await seenAfter(page, () => perdure.open('long.ipynb'));

  const tab = (name: string) => page.locator('#jp-main-dock-panel .lm-TabBar-tab', { hasText: name });
  const notebook: number[] = [];
  const sidebar: number[] = [];
  for (let turn = 0; turn < 7; turn++) {
    await tab('other.ipynb').click();
    await expect(perdure.rows).toHaveCount(0);
    notebook.push(await seenAfter(page, () => tab('long.ipynb').click()));
  }
  const icon = page.locator('.jp-SideBar.jp-mod-right .lm-TabBar-tab[data-id="perdure-panel"]');
  for (let turn = 0; turn < 7; turn++) {
    await icon.click();
    await expect(perdure.panel).toBeHidden();
    sidebar.push(await seenAfter(page, () => icon.click()));
  }
  const told = (times: number[]): string => times.map(time => time.toFixed(0)).join(' ');
  console.log(
    `${COUNT} commits, from the click to the first rows: first opened ${first.toFixed(0)} ms, its tab ${told(notebook)} ms, ` +
      `the panel's own ${told(sidebar)} ms; load ${loadavg()[0].toFixed(1)}`
  );
  // The target is 300 ms, which a busy machine misses: this is for what has gone wrong by far.
  expect(middle(notebook)).toBeLessThan(2000);
  expect(middle(sidebar)).toBeLessThan(2000);

  const list = perdure.panel.getByRole('listbox');
  await list.focus();
  await page.keyboard.press('End');
  const last = perdure.panel.locator('.perdure-Row[aria-posinset="10000"]');
  await expect(last).toContainText('[1]');
  await expect(last).toContainText('x_0 = compute(0)');
  await expect(last.locator('svg')).toBeVisible();
  await last.click();
  await expect(perdure.detail.locator('.perdure-Code')).toContainText('compute(0)');
  await list.focus();
  await page.keyboard.press('Home');
  await expect(perdure.row(`[${COUNT}]`)).toBeVisible();
});
