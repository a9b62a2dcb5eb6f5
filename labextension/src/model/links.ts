/** The links of all open notebooks. */

import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';

import { NotebookLink } from './link';

export class Links {
  constructor(tracker: INotebookTracker) {
    tracker.forEach(panel => this.of(panel));
    tracker.widgetAdded.connect((_, panel) => this.of(panel));
  }

  get added(): ISignal<this, NotebookLink> {
    return this._added;
  }

  /** Those that are open. */
  get all(): NotebookLink[] {
    return [...this._open];
  }

  /** The link of a notebook, made when it is first asked for. */
  of(panel: NotebookPanel): NotebookLink {
    let link = this._links.get(panel);
    if (!link) {
      link = new NotebookLink(panel);
      const made = link;
      this._links.set(panel, made);
      this._open.add(made);
      panel.disposed.connect(() => this._open.delete(made));
      this._added.emit(link);
    }
    return link;
  }

  private readonly _links = new WeakMap<NotebookPanel, NotebookLink>();
  private readonly _open = new Set<NotebookLink>();
  private readonly _added = new Signal<this, NotebookLink>(this);
}
