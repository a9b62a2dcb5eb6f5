/** The panel of perdure, as a few small plugins. */

import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { commandsPlugin } from './plugins/commands';
import { filesPlugin } from './plugins/files';
import { panelPlugin } from './plugins/panel';
import { recoveryPlugin } from './plugins/recovery';
import { statusPlugin } from './plugins/status';

export { CommandIDs } from './commands';
export { IPerdure } from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  panelPlugin,
  commandsPlugin,
  recoveryPlugin,
  statusPlugin,
  filesPlugin
];
export default plugins;
