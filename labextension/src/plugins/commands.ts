import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { refreshIcon, type LabIcon } from '@jupyterlab/ui-components';

import { CommandIDs } from '../commands';
import { backIcon, branchIcon, perdureIcon, redoIcon, tagIcon, undoIcon } from '../icons';
import type { PanelModel, Tab } from '../model/panel';
import { IPerdure } from '../tokens';
import { exportAll } from '../view/cache';
import { newBranch, newTag } from '../view/detail';

/** All that the panel can do, as commands: for the palette, the menus, the notebook's tool bar and the keyboard. */
export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'perdure:plugin',
  description:
    'Undo, restore, branch and search as commands, with the notebook’s buttons, the menus and the shortcuts.',
  autoStart: true,
  requires: [IPerdure, INotebookTracker],
  optional: [ICommandPalette, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    model: PanelModel,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    labShell: ILabShell | null
  ) => {
    const { commands } = app;
    const { trans, follower } = model;
    const attached = (): boolean => follower.attached && !model.working;
    const session = (): boolean => follower.session !== null;
    const show = (tab?: Tab): void => {
      if (tab) {
        model.tab = tab;
      }
      app.shell.activateById('perdure-panel');
    };
    /** The version that a command is about: the selected one, else the current. */
    const chosen = (): string | null => model.selection[0] ?? follower.head;

    const add = (
      id: string,
      label: string,
      caption: string,
      execute: () => unknown,
      given: { icon?: LabIcon; enabled?: () => boolean } = {}
    ): void => {
      commands.addCommand(id, {
        label,
        caption,
        icon: given.icon,
        execute: async () => {
          await execute();
        },
        isEnabled: given.enabled ?? (() => true),
        describedBy: { args: { type: 'object', properties: {} } }
      });
      palette?.addItem({ command: id, category: trans.__('Versions') });
    };

    add(CommandIDs.open, trans.__('Show Versions'), trans.__('Show the panel of versions'), () => show(), {
      icon: perdureIcon
    });
    add(CommandIDs.openVersions, trans.__('Show History'), trans.__('Show this notebook’s versions'), () =>
      show('versions')
    );
    add(CommandIDs.openBranches, trans.__('Show Branches'), trans.__('Show branches and restore points'), () =>
      show('branches')
    );
    add(CommandIDs.openCache, trans.__('Show Answers'), trans.__('Show the kept answers to image questions'), () =>
      show('cache')
    );
    add(
      CommandIDs.attach,
      trans.__('Load perdure in This Kernel'),
      trans.__('From here on, every cell is a version'),
      () => model.attach(),
      { icon: perdureIcon, enabled: () => follower.link !== null && !follower.attached && !model.working }
    );
    add(
      CommandIDs.undo,
      trans.__('Undo Last Cell'),
      trans.__('Put the variables back as they were before the last cell, or the last restore'),
      () => model.undo(),
      { icon: undoIcon, enabled: attached }
    );
    add(CommandIDs.redo, trans.__('Redo Cell'), trans.__('Take the last undo back'), () => model.redo(), {
      icon: redoIcon,
      enabled: attached
    });
    add(
      CommandIDs.restore,
      trans.__('Restore Saved Session…'),
      trans.__('See what would come back into this kernel, and bring it'),
      () => {
        if (follower.head) {
          model.preview(follower.head);
        }
        show('versions');
      },
      { icon: backIcon, enabled: () => session() && !follower.attached }
    );
    add(
      CommandIDs.restoreSelected,
      trans.__('Restore Selected Version…'),
      trans.__('See what would change, and go there'),
      () => {
        const ref = chosen();
        if (ref) {
          model.preview(ref);
        }
        show('versions');
      },
      { icon: backIcon, enabled: () => session() && model.selection.length === 1 }
    );
    add(
      CommandIDs.compareSelected,
      trans.__('Compare Selected Version with Now'),
      trans.__('What differs between it and the current version'),
      () => {
        const [ref] = model.selection;
        if (ref && follower.head) {
          model.compare(ref, follower.head);
        }
        show('versions');
      },
      { enabled: () => session() && model.selection.length === 1 }
    );
    add(
      CommandIDs.restorePoint,
      trans.__('Set Restore Point…'),
      trans.__('Give the current version a name that stays'),
      () => (follower.head ? newTag(model, follower.head) : undefined),
      { icon: tagIcon, enabled: () => attached() && follower.head !== null }
    );
    add(
      CommandIDs.createBranch,
      trans.__('Start Branch…'),
      trans.__('Start a branch at the selected version, else at the current one'),
      () => {
        const ref = chosen();
        return ref ? newBranch(model, ref) : undefined;
      },
      { icon: branchIcon, enabled: () => attached() && follower.head !== null }
    );
    add(
      CommandIDs.switchBranch,
      trans.__('Switch Branch…'),
      trans.__('Go to the newest version of another branch'),
      async () => {
        const refs = follower.session?.refs;
        const others = Object.keys(refs?.branches ?? {}).filter(name => name !== refs?.branch);
        const { value } = await InputDialog.getItem({
          title: trans.__('Switch to a branch'),
          label: trans.__('Branch'),
          items: others,
          okLabel: trans.__('Switch')
        });
        if (value) {
          await model.switchBranch(value);
        }
      },
      { enabled: () => attached() && Object.keys(follower.session?.refs.branches ?? {}).length > 1 }
    );
    add(
      CommandIDs.findChange,
      trans.__('Find Where a Variable Changed Last…'),
      trans.__('Show the version that last changed the variable at the cursor'),
      async () => {
        const current = follower.session;
        if (!current) {
          return;
        }
        const { value } = await InputDialog.getText({
          title: trans.__('Where did this change last?'),
          label: trans.__('Variable'),
          text: wordAtCursor(tracker),
          okLabel: trans.__('Find'),
          required: true
        });
        if (value) {
          model.view = { kind: 'variable', name: value, ref: follower.head ?? 'HEAD' };
          show('versions');
        }
      },
      { enabled: session }
    );
    add(CommandIDs.exportCache, trans.__('Export Answers…'), trans.__('Write all kept answers into one file'), () =>
      exportAll(model)
    );
    add(
      CommandIDs.refresh,
      trans.__('Refresh Versions'),
      trans.__('Ask the server again'),
      () => {
        follower.refresh();
        return model.cache.load();
      },
      { icon: refreshIcon }
    );

    const changed = (): void => commands.notifyCommandChanged();
    let before = '';
    model.stateChanged.connect(() => {
      const now = [follower.attached, model.working, session(), model.selection.length, follower.head].join();
      if (now !== before) {
        before = now;
        changed();
      }
    });
    labShell?.currentChanged.connect(changed);
  }
};

/** The Python name where the cursor stands in the active cell. */
function wordAtCursor(tracker: INotebookTracker): string {
  const editor = tracker.activeCell?.editor;
  if (!editor) {
    return '';
  }
  const { line, column } = editor.getCursorPosition();
  const text = editor.getLine(line) ?? '';
  const left = /[\p{L}\p{N}_]*$/u.exec(text.slice(0, column))?.[0] ?? '';
  const right = /^[\p{L}\p{N}_]*/u.exec(text.slice(column))?.[0] ?? '';
  const word = left + right;
  return /^[\p{L}_]/u.test(word) ? word : '';
}
