/** The panel's state: what is looked at, what is being done, and what came of it. */

import type { ISharedCodeCell } from '@jupyter/ydoc';
import type { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { VDomModel } from '@jupyterlab/ui-components';
import type { JSONObject, JSONValue } from '@lumino/coreutils';

import type { Api } from '../api/client';
import type { ICommit, IReport, IRow } from '../api/types';
import { cellNumber, moment } from '../logic/format';
import * as python from '../logic/kernelcode';
import { type IOutputPicture, picturesOf } from '../logic/outputs';
import { outcome } from '../logic/plan';
import { applyVersion, codeCells, type INotebookState, putBack } from './cells';
import { CacheModel } from './cache';
import { Follower, type IMemory } from './follower';
import { KernelError, type NotebookLink } from './link';
import type { Links } from './links';

export type Tab = 'versions' | 'branches' | 'cache';

/** What stands below the list. */
export type View =
  | { kind: 'none' }
  | { kind: 'commit'; id: string }
  | { kind: 'compare'; before: string; after: string }
  | { kind: 'restore'; ref: string; title: string }
  | { kind: 'variable'; name: string; ref: string };

/** The result of the last action, or what is being waited for. */
export interface ITold {
  kind: 'busy' | 'done' | 'failed';
  text: string;
  notes?: string[];
  /** What can be done about it, with its label. */
  action?: { label: string; run: () => void };
}

export interface IFilter {
  q: string;
  outcome: '' | 'error' | 'interrupted' | 'ok';
}

export interface IFound {
  filter: IFilter;
  total: number;
  rows: IRow[];
}

const FOUND_PAGE = 100;

export class PanelModel extends VDomModel {
  constructor(
    readonly api: Api,
    readonly server: ServerConnection.ISettings,
    readonly trans: TranslationBundle,
    readonly links: Links,
    memory?: IMemory
  ) {
    super();
    this.follower = new Follower(api, memory);
    this.follower.changed.connect(this._onFollower, this);
    this.cache = new CacheModel(api);
    this.cache.changed.connect(() => this.stateChanged.emit());
  }

  readonly follower: Follower;
  readonly cache: CacheModel;

  override dispose(): void {
    this.follower.dispose();
    super.dispose();
  }

  // -- what is looked at ---------------------------------------------------------------------------------------------

  get tab(): Tab {
    return this._tab;
  }
  set tab(tab: Tab) {
    if (tab !== this._tab) {
      this._tab = tab;
      if (tab === 'cache') {
        void this.cache.load();
      }
      this.stateChanged.emit();
    }
  }

  get view(): View {
    return this._view;
  }
  set view(view: View) {
    this._view = view;
    this.stateChanged.emit();
  }

  /** The commits that are selected: none, one, or the older and the newer of two. */
  get selection(): string[] {
    switch (this._view.kind) {
      case 'commit':
        return [this._view.id];
      case 'compare':
        return [this._view.before, this._view.after];
      case 'restore':
      case 'variable':
        return [this._view.ref];
      default:
        return [];
    }
  }

  select(commit: string): void {
    this.view = { kind: 'commit', id: commit };
  }

  /** Select one more, to see how the two differ. */
  selectSecond(commit: string): void {
    const first = this._view.kind === 'compare' ? this._view.after : this.selection[0];
    if (first === undefined || first === commit) {
      this.select(commit);
    } else {
      this.compare(first, commit);
    }
  }

  compare(one: string, other: string): void {
    const [a, b] = [one, other].map(commit => {
      const index = this.follower.indexOf(commit);
      return index < 0 ? Number.POSITIVE_INFINITY : index; // what isn't here yet is old
    });
    this.view =
      a >= b ? { kind: 'compare', before: one, after: other } : { kind: 'compare', before: other, after: one };
  }

  closeView(): void {
    this.view = { kind: 'none' };
  }

  /** How a version is called: `[12] df = load()`. */
  title(ref: string): string {
    const row = this.follower.known(ref);
    return row ? `${cellNumber(row)} ${row.title || this.trans.__('(changed outside a cell)')}` : ref.slice(0, 8);
  }

  // -- searching -----------------------------------------------------------------------------------------------------

  get filter(): IFilter {
    return this._filter;
  }

  /** What the search found; null if nothing is searched for. */
  get found(): IFound | null {
    return this._found;
  }

  search(filter: IFilter): void {
    this._filter = filter;
    this.stateChanged.emit();
    void this._search();
  }

  /** More of what was found. */
  async more(): Promise<void> {
    const found = this._found;
    if (found && found.rows.length < found.total) {
      await this._search(found.rows.length);
    }
  }

  private async _search(offset = 0): Promise<void> {
    const filter = this._filter;
    const session = this.follower.session;
    if (!session || (!filter.q.trim() && !filter.outcome)) {
      this._found = null;
      this.stateChanged.emit();
      return;
    }
    try {
      const { total, commits } = await this.api.commits(session.id, {
        q: filter.q.trim(),
        outcome: filter.outcome,
        offset,
        limit: FOUND_PAGE
      });
      if (this._filter === filter) {
        this._found = { filter, total, rows: offset && this._found ? [...this._found.rows, ...commits] : commits };
        this.stateChanged.emit();
      }
    } catch (error) {
      this._tell({ kind: 'failed', text: sentence(error, this.trans) });
    }
  }

  // -- doing ---------------------------------------------------------------------------------------------------------

  get told(): ITold | null {
    return this._told;
  }

  /** Forget the last result. */
  dismiss(): void {
    this._tell(null);
  }

  get working(): boolean {
    return this._told?.kind === 'busy';
  }

  /** Have the kernel of a notebook evaluate an expression. Whatever comes of it is told; null if it failed. */
  async act(
    doing: string,
    expression: string,
    done?: (value: JSONValue) => ITold,
    link: NotebookLink | null = this.follower.link
  ): Promise<JSONValue | undefined> {
    const trans = this.trans;
    await link?.started();
    if (!link?.kernel || !link.alive) {
      this._tell({
        kind: 'failed',
        text: trans.__('This notebook has no running kernel. Start one (Kernel > Restart Kernel…), then try again.')
      });
      return undefined;
    }
    this._tell({
      kind: 'busy',
      text: link.busy ? trans.__('%1: waiting for the running cell to finish…', doing) : `${doing}…`
    });
    try {
      const value = await link.evaluate(expression);
      this._tell(done ? done(value) : null);
      return value;
    } catch (error) {
      this._tell({ kind: 'failed', text: sentence(error, trans) });
      return undefined;
    } finally {
      this.follower.refresh();
    }
  }

  attach(): Promise<unknown> {
    const link = this.follower.link;
    return this.act(
      this.trans.__('Loading perdure'),
      python.attach(),
      value => {
        link?.settle({ session: String(value), store: this.follower.serverStore ?? '' });
        return { kind: 'done', text: this.trans.__('From here on, every cell is a version.') };
      },
      link
    );
  }

  undo(): Promise<unknown> {
    const trans = this.trans;
    return this.act(trans.__('Undo'), python.undo(), value =>
      this._reported(value, trans.__('Undone'), { label: trans.__('Redo'), run: () => void this.redo() })
    );
  }

  redo(): Promise<unknown> {
    const trans = this.trans;
    return this.act(trans.__('Redo'), python.redo(), value =>
      this._reported(value, trans.__('Redone'), { label: trans.__('Undo'), run: () => void this.undo() })
    );
  }

  /** Look at what going to a version would do. */
  preview(ref: string): void {
    this.view = { kind: 'restore', ref, title: this.title(ref) };
  }

  /**
   * Go to a version: in the kernel that has the session open, else by bringing the session into the kernel.
   *
   * With `cells` the notebook's code goes there too, as one step to undo in the editor.
   */
  async restore(ref: string | null, cells = false): Promise<void> {
    const { follower, trans } = this;
    const { link, session } = follower;
    if (!link || !session) {
      return;
    }
    const version = ref ?? follower.head;
    const target = version ? this.title(version) : session.id;
    const moves = follower.attached && version !== null;
    const was = { head: session.refs.head, branch: session.refs.branch };
    const code = moves
      ? python.checkout(version)
      : python.restore(session.id, version && version !== follower.head ? version : undefined);
    const wanted = cells && version ? await this.api.notebook(session.id, version).catch(() => null) : null;
    let before: INotebookState | null = null;
    const value = await this.act(trans.__('Restoring'), code, told => {
      if (!moves) {
        link.settle({ session: session.id, store: session.store });
      }
      const notebook = link.panel.model?.sharedModel;
      if (wanted && notebook) {
        before = applyVersion(notebook, wanted.cells);
      }
      const undo = { label: trans.__('Undo restore'), run: () => void this._undoRestore(link, before) };
      return this._reported(told, trans.__('Restored %1', target), moves ? undo : undefined);
    });
    if (value !== undefined) {
      this._restored = moves ? { head: (value as unknown as IReport).head, from: was.head } : null;
      this.closeView();
    }
  }

  /** How many cells of the notebook a version would change. */
  async cellsChanged(ref: string): Promise<{ replaced: number; added: number } | null> {
    const { link, session } = this.follower;
    const notebook = link?.panel.model?.sharedModel;
    return session && notebook ? codeCells(notebook, (await this.api.notebook(session.id, ref)).cells) : null;
  }

  /** The pictures that the notebook still shows of that very run. */
  pictures(commit: ICommit): IOutputPicture[] {
    const notebook = this.follower.link?.panel.model?.sharedModel;
    const cells = (notebook?.cells ?? []).flatMap(cell =>
      cell.cell_type === 'code' && cell.getId() === commit.cell_id ? [cell as ISharedCodeCell] : []
    );
    const runs = cells.map(cell => ({
      id: cell.getId(),
      source: cell.getSource(),
      execution_count: cell.execution_count,
      outputs: cell.getOutputs()
    }));
    return picturesOf(commit, runs, this.follower.attached);
  }

  private async _undoRestore(link: NotebookLink, before: INotebookState | null): Promise<void> {
    const trans = this.trans;
    await this.act(
      trans.__('Undo restore'),
      python.undo(),
      value => {
        const notebook = link.panel.model?.sharedModel;
        if (before && notebook) {
          putBack(notebook, before);
        }
        return this._reported(value, trans.__('The restore is undone'), undefined);
      },
      link
    );
    this._restored = null;
  }

  /** One variable of a version, beside today's. */
  copyBeside(name: string, ref: string): Promise<unknown> {
    const trans = this.trans;
    return this.act(trans.__('Fetching %1', name), python.copyBeside(name, ref), value => ({
      kind: 'done',
      text: trans.__('%1 as it was at %2 is in the variable %3.', name, this.title(ref), String(value))
    }));
  }

  /** One variable as it was, in place of today's. */
  restoreOnly(name: string, ref: string): Promise<unknown> {
    const trans = this.trans;
    return this.act(trans.__('Restoring %1', name), python.checkout(ref, [name]), value =>
      this._reported(value, trans.__('%1 is as it was at %2', name, this.title(ref)), {
        label: trans.__('Undo'),
        run: () => void this.undo()
      })
    );
  }

  createTag(name: string, ref: string): Promise<unknown> {
    return this.act(this.trans.__('Setting a restore point'), python.createTag(name, ref), () => ({
      kind: 'done',
      text: this.trans.__('%1 is now called “%2”.', this.title(ref), name)
    }));
  }

  createBranch(name: string, ref: string): Promise<unknown> {
    return this.act(this.trans.__('Starting a branch'), python.createBranch(name, ref), () => ({
      kind: 'done',
      text: this.trans.__('Branch “%1” starts at %2.', name, this.title(ref)),
      action: { label: this.trans.__('Switch to it'), run: () => void this.switchBranch(name) }
    }));
  }

  switchBranch(name: string): Promise<unknown> {
    const trans = this.trans;
    return this.act(trans.__('Switching to %1', name), python.switchTo(name), value =>
      this._reported(value, trans.__('On branch “%1”', name), {
        label: trans.__('Undo switch'),
        run: () => void this.undo()
      })
    );
  }

  renameBranch(old: string, name: string): Promise<unknown> {
    const current = this.follower.session?.refs.branch === old;
    return this.act(this.trans.__('Renaming'), python.renameBranch(old, name, current), () => ({
      kind: 'done',
      text: this.trans.__('Branch “%1” is now called “%2”.', old, name)
    }));
  }

  deleteBranch(name: string): Promise<unknown> {
    return this.act(this.trans.__('Deleting'), python.deleteBranch(name), () => ({
      kind: 'done',
      text: this.trans.__('Branch “%1” is forgotten.', name)
    }));
  }

  deleteTag(name: string): Promise<unknown> {
    return this.act(this.trans.__('Deleting'), python.deleteTag(name), () => ({
      kind: 'done',
      text: this.trans.__('Restore point “%1” is forgotten.', name)
    }));
  }

  // -- the cache -----------------------------------------------------------------------------------------------------

  async answerAction(doing: string, expression: string, done: (value: JSONValue) => string): Promise<boolean> {
    const value = await this.act(doing, expression, told => ({ kind: 'done', text: done(told) }));
    await this.cache.load();
    return value !== undefined;
  }

  askMaster(id: string): Promise<boolean> {
    return this.answerAction(this.trans.__('Asking the master'), python.askMaster(id), value =>
      this.trans.__('The master says: %1', String((value as JSONObject).text))
    );
  }

  forget(id: string): Promise<boolean> {
    return this.answerAction(this.trans.__('Forgetting'), python.forgetAnswer(id), () =>
      this.trans.__('Forgotten, with all that was derived from it.')
    );
  }

  wrong(id: string, right?: string): Promise<boolean> {
    return this.answerAction(this.trans.__('Marking as wrong'), python.wrongAnswer(id, right), () =>
      this.trans.__('Marked as wrong: it is never given again.')
    );
  }

  pin(id: string, on: boolean): Promise<boolean> {
    return this.answerAction(
      on ? this.trans.__('Pinning') : this.trans.__('Unpinning'),
      python.pinAnswer(id, on),
      () => (on ? this.trans.__('Pinned: it stays, whatever has to make room.') : this.trans.__('No longer pinned.'))
    );
  }

  exportAnswers(file: string): Promise<boolean> {
    return this.answerAction(this.trans.__('Exporting'), python.exportAnswers(file), () =>
      this.trans.__('All answers are in %1.', file)
    );
  }

  // -- inner ---------------------------------------------------------------------------------------------------------

  /** Tell people what a report says. */
  private _reported(value: JSONValue, what: string, action?: ITold['action']): ITold {
    const trans = this.trans;
    const report = value as unknown as IReport;
    const { done, missing } = outcome(report);
    const count = done
      ? trans._n('%1 variable was put in place', '%1 variables were put in place', done)
      : trans.__('no variable had to change');
    const notes = [
      ...missing.map(each =>
        each.note ? `${each.name}: ${each.note}` : trans.__('%1 could not come back', each.name)
      ),
      ...report.warnings
    ];
    return { kind: 'done', text: `${what}: ${count}.`, notes, action };
  }

  private _tell(told: ITold | null): void {
    this._told = told;
    this.stateChanged.emit();
  }

  private _onFollower(): void {
    const { follower } = this;
    const id = follower.session?.id ?? null;
    if (id !== this._sessionId) {
      this._sessionId = id;
      this._view = this._recall(id);
      this._found = null;
      this._restored = null;
      void this._search();
    } else if (this._found && follower.session?.revision !== this._revision) {
      void this._search();
    }
    this._revision = follower.session?.revision ?? null;
    // Once a cell has run, 'undo' would take that back instead.
    if (this._restored && follower.head !== this._restored.head && follower.head !== this._restored.from) {
      this._restored = null;
      if (this._told?.action?.label === this.trans.__('Undo restore')) {
        this._told = null;
      }
    }
    this.stateChanged.emit();
  }

  /** What was looked at in a session before the page was loaded anew. */
  place: { session: string; view: View; tab: Tab } | null = null;

  private _recall(session: string | null): View {
    const place = this.place;
    return place && place.session === session ? place.view : { kind: 'none' };
  }

  private _tab: Tab = 'versions';
  private _view: View = { kind: 'none' };
  private _filter: IFilter = { q: '', outcome: '' };
  private _found: IFound | null = null;
  private _told: ITold | null = null;
  private _restored: { head: string | null; from: string | null } | null = null;
  private _sessionId: string | null = null;
  private _revision: string | null = null;
}

/** When a version was made, in words. */
export function when(row: IRow): string {
  return moment(row.started + row.duration);
}

/** What went wrong, and what to do, in a sentence. */
export function sentence(error: unknown, trans: TranslationBundle): string {
  if (error instanceof KernelError) {
    switch (error.kind) {
      case 'NoKernel':
        return trans.__('This notebook has no running kernel. Start one, then try again.');
      case 'KernelGone':
        return trans.__('The kernel ended before it had answered. Nothing is lost: restore when it is back.');
      case 'NotAttached':
        return trans.__('This kernel has no perdure session yet. Choose “Load perdure” first.');
      case 'ModuleNotFoundError':
        return trans.__('perdure isn’t installed where this kernel runs. Install it there: pip install perdure');
      case 'Aborted':
        return trans.__('The kernel dropped the request, because a cell before it failed. Try again.');
      default:
        return error.message || error.kind;
    }
  }
  return error instanceof Error ? error.message : String(error);
}
