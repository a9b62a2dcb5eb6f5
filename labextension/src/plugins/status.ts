import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';

import type { PanelModel } from '../model/panel';
import { IPerdure } from '../tokens';
import { StatusItem } from '../view/status';

/** Durable or saving, and where the session is. */
export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'perdure:status',
  description: 'Says in the status bar whether all is saved, and on which version the notebook is.',
  autoStart: true,
  requires: [IPerdure],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, model: PanelModel, statusBar: IStatusBar | null) => {
    statusBar?.registerStatusItem('perdure:status', {
      item: new StatusItem(model, () => app.shell.activateById('perdure-panel')),
      align: 'left',
      rank: 3
    });
  }
};
