import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { moment } from '../logic/format';
import * as python from '../logic/kernelcode';
import type { LinkEvent, NotebookLink } from '../model/link';
import { type PanelModel, sentence } from '../model/panel';
import type { IReport } from '../api/types';
import { outcome } from '../logic/plan';
import { IPerdure } from '../tokens';

/** One notification after a kernel has ended: what was in it can come back. */
export const recoveryPlugin: JupyterFrontEndPlugin<void> = {
  id: 'perdure:recovery',
  description: 'Offers to restore the variables after a kernel has died or was restarted.',
  autoStart: true,
  requires: [IPerdure],
  optional: [ISettingRegistry],
  activate: (app: JupyterFrontEnd, model: PanelModel, registry: ISettingRegistry | null) => {
    const settings = registry?.load('perdure:plugin').catch(() => null);
    const wanted = async (): Promise<boolean> => (await settings)?.get('offerRestore').composite !== false;
    const watch = (link: NotebookLink): void => {
      const offer = new Offer(app, model, link, wanted);
      link.changed.connect(offer.on, offer);
    };
    model.links.all.forEach(watch);
    model.links.added.connect((_, link) => watch(link));
  }
};

class Offer {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _model: PanelModel,
    private readonly _link: NotebookLink,
    private readonly _wanted: () => Promise<boolean>
  ) {}

  on(_: NotebookLink, event: LinkEvent): void {
    if (event === 'lost') {
      this._dismiss();
    } else if (event === 'back') {
      void this._show();
    } else if (!this._link.lost) {
      this._dismiss(); // it is back, or nobody wants it back: the user has gone on
    }
  }

  /** "Restore 14 variables as of 09:41?" */
  private async _show(): Promise<void> {
    const { api, trans } = this._model;
    const lost = this._link.lost;
    if (!lost || !(await this._wanted())) {
      return;
    }
    let count: number;
    let missing: number;
    let time: number;
    try {
      const plan = await api.plan(lost.session, 'HEAD', true);
      count = plan.rows.filter(row => row.action === 'restore').length;
      missing = plan.rows.filter(row => row.action === 'not captured').length;
      time = plan.target.started + plan.target.duration;
    } catch {
      return; // no commit yet, or no store: nothing can be offered
    }
    if (!count || this._link.lost !== lost) {
      return;
    }
    const name = this._link.path.split('/').pop() ?? '';
    const question = trans._n(
      'The kernel of %2 was started anew. Restore %1 variable as of %3?',
      'The kernel of %2 was started anew. Restore %1 variables as of %3?',
      count,
      name,
      moment(time)
    );
    const rest = missing ? ` ${trans._n('%1 can’t come back.', '%1 can’t come back.', missing)}` : '';
    this._dismiss();
    this._id = Notification.info(question + rest, {
      autoClose: false,
      actions: [
        {
          label: trans.__('Restore'),
          displayType: 'accent',
          callback: event => {
            event.preventDefault();
            void this._restore(lost.session, lost.store);
          }
        },
        {
          label: trans.__('Show'),
          callback: () => {
            this._app.shell.activateById(this._link.panel.id);
            this._model.tab = 'versions';
            this._app.shell.activateById('perdure-panel');
          }
        },
        { label: trans.__('Not now'), callback: () => this._link.forget() }
      ]
    });
  }

  private async _restore(session: string, store: string): Promise<void> {
    const { trans, follower } = this._model;
    const id = this._id;
    const tell = (message: string, type: 'in-progress' | 'success' | 'error', autoClose: number | false): void => {
      if (id) {
        Notification.update({ id, message, type, autoClose, actions: [] });
      }
    };
    tell(
      this._link.busy ? trans.__('Waiting for the running cell to finish…') : trans.__('Restoring…'),
      'in-progress',
      false
    );
    this._id = null; // from here on it tells the result, and isn't an offer any more
    try {
      const report = (await this._link.evaluate(python.restore(session))) as unknown as IReport;
      this._link.settle({ session, store });
      const { done, same, missing } = outcome(report);
      const back = trans._n('%1 variable is back.', '%1 variables are back.', done + same);
      const names = missing.map(each => each.name).join(', ');
      tell(
        missing.length ? `${back} ${trans.__('Not restored: %1', names)}` : back,
        'success',
        missing.length ? false : 8000
      );
    } catch (error) {
      tell(sentence(error, trans), 'error', false);
    }
    follower.refresh();
  }

  private _dismiss(): void {
    if (this._id) {
      Notification.dismiss(this._id);
      this._id = null;
    }
  }

  private _id: string | null = null;
}
