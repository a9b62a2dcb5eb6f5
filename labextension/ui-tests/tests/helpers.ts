/** What the tests share: a notebook with a real kernel, the panel beside it, and pictures of both. */

import { execFileSync } from 'node:child_process';
import * as path from 'node:path';

import AxeBuilder from '@axe-core/playwright';
import { expect, galata, type IJupyterLabPageFixture, test as base } from '@jupyterlab/galata';
import type { Locator } from '@playwright/test';

const FOLDER = 'work';
const HOME = process.env.PERDURE_UI_HOME ?? '';
const PYTHON = process.env.PYTHON ?? 'python3';
const IMAGES = path.resolve(__dirname, '../../../docs/images');

export const test = base.extend<{ perdure: Perdure }>({
  /** The panel, in a folder of the test's own. */
  perdure: async ({ page, tmpPath }, use) => {
    await use(new Perdure(page, tmpPath));
  },
  // A short name: it is in the pictures. No kernel of an earlier test is left, which would be taken for a notebook of the same name.
  tmpPath: async ({ request }, use) => {
    const running = (await (await request.get('/api/sessions')).json()) as { id: string }[];
    for (const { id } of running) {
      await request.delete(`/api/sessions/${id}`);
    }
    const contents = galata.newContentsHelper(request);
    if (await contents.directoryExists(FOLDER)) {
      await contents.deleteDirectory(FOLDER);
    }
    await contents.createDirectory(FOLDER);
    await use(FOLDER);
  },
  // Galata's stand-ins for lists of sessions and kernels would answer our own routes too, which end alike.
  sessions: null,
  kernels: null,
  // The state of one test must not show in the next; its settings are the defaults, without a question about news.
  mockSettings: {
    '@jupyterlab/apputils-extension:notification': { fetchNews: 'false', checkForUpdates: false }
  }
});
export { expect };

export type Lab = IJupyterLabPageFixture;

/** Where the panel, its rows and its results are. */
export class Perdure {
  readonly panel: Locator;
  readonly rows: Locator;
  readonly told: Locator;
  readonly detail: Locator;
  readonly status: Locator;
  readonly cells: Locator;

  constructor(
    readonly page: Lab,
    readonly folder: string
  ) {
    this.panel = page.locator('.perdure-Panel');
    this.rows = page.locator('.perdure-Row');
    this.told = page.locator('.perdure-Told');
    this.detail = page.locator('.perdure-Detail');
    this.cells = page.locator('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell');
    this.status = page.locator('.perdure-Status-button');
  }

  button(name: string | RegExp, within: Locator = this.panel): Locator {
    return within.getByRole('button', { name });
  }

  row(title: string): Locator {
    return this.rows.filter({ hasText: title }).first();
  }

  /** A new notebook with a kernel, and the panel beside it. */
  async start(name: string): Promise<void> {
    await this.write(name);
    await this.open(name);
    await this.command('perdure:open');
    await expect(this.panel).toBeVisible();
    await this.page.sidebar.setWidth(340, 'right');
  }

  /** A new notebook, not yet opened. */
  async write(name: string): Promise<void> {
    const cells = [{ cell_type: 'code', id: 'first', source: '', metadata: {}, outputs: [], execution_count: null }];
    const kernelspec = { name: 'python3', display_name: 'Python 3 (ipykernel)', language: 'python' };
    const notebook = { cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
    await this.page.contents.uploadContent(JSON.stringify(notebook), 'text', `${this.folder}/${name}`);
  }

  /** Open a notebook, and wait for its kernel. */
  async open(name: string): Promise<void> {
    await this.page.evaluate(async path => {
      const opened = (await window.jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' })) as {
        sessionContext: { ready: Promise<void>; session: { kernel: { info: Promise<unknown> } } };
      };
      await opened.sessionContext.ready;
      await opened.sessionContext.session.kernel.info;
    }, `${this.folder}/${name}`);
    await this.idle();
  }

  /** Save the notebook, shut its kernel down and close it: what remains is in the store. */
  async leave(): Promise<void> {
    await this.page.evaluate(async () => {
      const panel = window.jupyterapp.shell.currentWidget as unknown as {
        context: { save(): Promise<void> };
        sessionContext: { shutdown(): Promise<void> };
        dispose(): void;
      };
      await panel.context.save();
      await panel.sessionContext.shutdown();
      panel.dispose();
    });
    await expect(this.page.locator('.jp-NotebookPanel')).toHaveCount(0);
  }

  /** The store that the server reads. */
  readonly store = path.join(HOME, 'store');

  /** Where the server keeps this test's notebook, as its own machine calls it. */
  file(name: string): string {
    return path.join(HOME, 'root', this.folder, name);
  }

  /** A notebook with a saved session of that many cells. */
  async long(name: string, count: number): Promise<void> {
    await this.write(name);
    const script = path.resolve(__dirname, '../long_session.py');
    execFileSync(PYTHON, [script, this.store, this.file(name), String(count)]);
  }

  async command(id: string): Promise<void> {
    await this.page.evaluate(async command => {
      await window.jupyterapp.commands.execute(command);
    }, id);
  }

  async idle(): Promise<void> {
    await expect(
      this.page.locator('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook-ExecutionIndicator')
    ).toHaveAttribute('data-status', 'idle', { timeout: 60_000 });
  }

  /** Run code as the notebook's last cell, and wait for it if wanted. */
  async cell(source: string, wait = true): Promise<void> {
    await this.edit(-1, source);
    await this.page.keyboard.press('Shift+Enter');
    if (wait) {
      await expect(this.cells.nth(-2).locator('.jp-InputPrompt')).toHaveText(/\[\d+\]/, { timeout: 90_000 });
    }
  }

  /** Select a cell and give it another text; -1 is the last. */
  async edit(index: number, source: string): Promise<void> {
    await this.page.evaluate(
      ([index, source]) => {
        const panel = window.jupyterapp.shell.currentWidget as unknown as {
          content: { activeCellIndex: number; activate(): void };
          model: { sharedModel: { cells: { setSource(source: string): void }[] } };
        };
        const { cells } = panel.model.sharedModel;
        const at = index < 0 ? cells.length + index : index;
        cells[at].setSource(source);
        panel.content.activeCellIndex = at;
        panel.content.activate();
      },
      [index, source] as const
    );
  }

  /** The text of a cell. */
  async text(index: number): Promise<string> {
    return this.page.evaluate(index => {
      const panel = window.jupyterapp.shell.currentWidget as unknown as {
        model: { sharedModel: { cells: { getSource(): string }[] } };
      };
      return panel.model.sharedModel.cells[index].getSource();
    }, index);
  }

  /** What an expression is in the kernel, without a cell: nothing of it is recorded. */
  async value(expression: string): Promise<string> {
    return this.page.evaluate(async code => {
      const panel = window.jupyterapp.shell.currentWidget as unknown as {
        sessionContext: { session: { kernel: { requestExecute(content: object): { done: Promise<unknown> } } } };
      };
      const reply = (await panel.sessionContext.session.kernel.requestExecute({
        code: '',
        silent: true,
        user_expressions: { value: code }
      }).done) as { content: { user_expressions: { value: { data?: Record<string, string>; ename?: string } } } };
      const { data, ename } = reply.content.user_expressions.value;
      return data?.['text/plain'] ?? `${ename}`;
    }, expression);
  }

  async theme(dark: boolean): Promise<void> {
    await this.page.theme[dark ? 'setDarkTheme' : 'setLightTheme']();
  }

  /** No serious violation of accessibility in what is seen of the panel. */
  async accessible(): Promise<void> {
    const { violations } = await new AxeBuilder({
      page: this.page as unknown as ConstructorParameters<typeof AxeBuilder>[0]['page']
    })
      .include('.perdure-Panel')
      .analyze();
    const serious = violations.filter(each => each.impact === 'serious' || each.impact === 'critical');
    const told = serious.map(
      each => `${each.id}: ${each.nodes.map(node => `${node.html} ${node.failureSummary}`).join('\n  ')}`
    );
    expect(told.join('\n')).toBe('');
  }

  /** Look at a state on light and on dark: accessible, and kept as a picture where PERDURE_IMAGES asks for it. */
  async look(name: string): Promise<void> {
    for (const dark of [false, true]) {
      await this.theme(dark);
      await this.accessible();
      if (process.env.PERDURE_IMAGES) {
        await this.page.screenshot({ path: path.join(IMAGES, `${name}-${dark ? 'dark' : 'light'}.png`) });
      }
    }
    await this.theme(false);
  }
}
