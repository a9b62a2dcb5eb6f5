import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

import { defineConfig } from '@playwright/test';

/** Where the server has its files, its store and its cache; the tests look there too. */
process.env.PERDURE_UI_HOME ??= mkdtempSync(path.join(tmpdir(), 'perdure-ui-'));
const PORT = process.env.PERDURE_UI_PORT ?? '8917';
const ROOT = path.resolve(__dirname, '../..');
/** Debian's; elsewhere CHROMIUM names one, or Playwright's own is taken. */
const CHROMIUM = process.env.CHROMIUM ?? (existsSync('/usr/bin/chromium') ? '/usr/bin/chromium' : undefined);

export default defineConfig({
  testDir: './tests',
  outputDir: './results',
  reporter: [['list']],
  // One JupyterLab, one browser: the machines that run this have two cores.
  workers: 1,
  // A shared machine may stand still for longer than any timeout; what needed a second try is listed as flaky.
  retries: 2,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  use: {
    baseURL: `http://127.0.0.1:${PORT}`,
    viewport: { width: 1360, height: 860 },
    video: 'off',
    trace: 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
    }
  },
  webServer: {
    command: `${process.env.PYTHON ?? 'python3'} -m jupyterlab --config ${path.join(__dirname, 'jupyter_server_config.py')}`,
    cwd: ROOT,
    env: { ...process.env, PERDURE_UI_PORT: PORT } as Record<string, string>,
    url: `http://127.0.0.1:${PORT}/lab`,
    reuseExistingServer: false,
    stdout: 'ignore',
    stderr: process.env.PERDURE_UI_LOG ? 'pipe' : 'ignore',
    timeout: 180_000
  }
});
