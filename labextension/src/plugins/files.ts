import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { InputDialog, Notification } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { NotebookPanel } from '@jupyterlab/notebook';

import type { ISession } from '../api/types';
import { CommandIDs } from '../commands';
import { backIcon } from '../icons';
import { moment } from '../logic/format';
import type { PanelModel } from '../model/panel';
import { IPerdure } from '../tokens';

/** Sessions of another day or another machine: from the launcher, and from a notebook's menu in the file browser. */
export const filesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'perdure:files',
  description: 'Restores a saved session from the launcher and from the file browser.',
  autoStart: true,
  requires: [IPerdure, IDocumentManager],
  optional: [ILauncher, IFileBrowserFactory],
  activate: (
    app: JupyterFrontEnd,
    model: PanelModel,
    documents: IDocumentManager,
    launcher: ILauncher | null,
    browsers: IFileBrowserFactory | null
  ) => {
    const { trans, follower } = model;
    const noArgs = { args: { type: 'object', properties: {} } } as const;

    /** Open the notebook, and show what would come back. */
    const offer = async (path: string): Promise<void> => {
      const widget = documents.openOrReveal(path);
      if (!(widget instanceof NotebookPanel)) {
        return;
      }
      await widget.context.ready;
      await widget.sessionContext.ready;
      follower.follow(model.links.of(widget));
      await until(() => follower.settled && follower.link?.panel === widget);
      app.shell.activateById('perdure-panel');
      model.tab = 'versions';
      if (follower.session && !follower.attached && follower.head) {
        model.preview(follower.head);
      }
    };

    app.commands.addCommand(CommandIDs.restoreFile, {
      label: trans.__('Restore Saved Session…'),
      caption: trans.__('Open this notebook, and see which variables its last session can bring back'),
      icon: backIcon,
      describedBy: noArgs,
      isVisible: () => {
        const items = [...(browsers?.tracker.currentWidget?.selectedItems() ?? [])];
        return items.length === 1 && items[0].type === 'notebook';
      },
      execute: async () => {
        const [item] = [...(browsers?.tracker.currentWidget?.selectedItems() ?? [])];
        if (item) {
          await offer(item.path);
        }
      }
    });

    app.commands.addCommand(CommandIDs.restoreAny, {
      label: args => (args.isLauncher ? trans.__('Saved session') : trans.__('Restore a Session of Another Notebook…')),
      caption: trans.__('Choose among the sessions of all notebooks'),
      icon: backIcon,
      describedBy: noArgs,
      execute: async () => {
        let sessions: ISession[];
        try {
          sessions = (await model.api.sessions(undefined, 200)).sessions;
        } catch (error) {
          Notification.error(error instanceof Error ? error.message : String(error));
          return;
        }
        const here = sessions.filter(session => session.path && session.commits > 0);
        if (!here.length) {
          Notification.info(trans.__('No notebook below this folder has a saved session yet.'));
          return;
        }
        const label = (session: ISession): string =>
          [
            session.path ?? '',
            ...(session.variables === null ? [] : [trans._n('%1 variable', '%1 variables', session.variables)]),
            moment(session.updated),
            ...(session.live ? [trans.__('open')] : [])
          ].join(' · ');
        const labels = here.map(label);
        const { value } = await InputDialog.getItem({
          title: trans.__('Restore a saved session'),
          label: trans.__('The last used first'),
          items: labels,
          okLabel: trans.__('Open')
        });
        const chosen = value === null ? undefined : here[labels.indexOf(value)];
        if (chosen?.path) {
          await offer(chosen.path);
        }
      }
    });
    launcher?.add({
      command: CommandIDs.restoreAny,
      category: trans.__('Notebook'),
      rank: 100,
      args: { isLauncher: true }
    });
  }
};

/** Wait for it, ten seconds at most. */
async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100 && !holds(); turn++) {
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
