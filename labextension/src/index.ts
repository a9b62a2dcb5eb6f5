import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Widget } from '@lumino/widgets';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'perdure:plugin',
  description: 'x',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    const w = new Widget();
    w.id = 'perdure-panel';
    w.title.label = 'P';
    app.shell.add(w, 'right');
  }
};
export default [plugin];
