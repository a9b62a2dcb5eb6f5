/** Follows the current notebook: which session it has, where that stands, and its rows. */

import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { type Api, ApiError, type IUnchanged } from '../api/client';
import type { IGraph, IPage, IRefs, IRow, ISession, ISessionDetail } from '../api/types';
import { Graph, type ILanes } from '../logic/graph';
import { Poller } from '../logic/poller';
import { type IWindow, pagesOf } from '../logic/window';
import type { LinkEvent, NotebookLink } from './link';

/** How it stands with the current notebook. */
export type Standing =
  /** No notebook is open. */
  | 'none'
  /** It is being looked for. */
  | 'loading'
  /** The server has no perdure. */
  | 'absent'
  /** The store can't be read; `message` says why. */
  | 'trouble'
  /** The notebook has no session yet. */
  | 'empty'
  | 'ready';

/** Which session a notebook had last, kept across reloads of the page. */
export interface IMemory {
  session(path: string): Promise<string | null>;
  remember(path: string, session: string): void;
}

const FORGETFUL: IMemory = { session: async () => null, remember: () => undefined };
/** Rows that are fetched at once. */
const PAGE = 100;
/** Commits of the graph that are fetched before anything is shown, and at once after that. */
const FIRST = 300;
const MORE = 5000;
/** Notebooks whose versions are kept at hand after another one is looked at. */
const KEPT = 5;

/** What is here of a session. */
interface IShown {
  session: ISessionDetail;
  graph: Graph;
  rows: Map<string, IRow>;
}

export class Follower implements IDisposable {
  constructor(
    readonly api: Api,
    readonly memory: IMemory = FORGETFUL
  ) {
    this._poller = new Poller(() => this._poll());
    this._poller.start();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get link(): NotebookLink | null {
    return this._link;
  }

  get standing(): Standing {
    return this._standing;
  }

  /** Whether what it shows has been asked for since the notebook is looked at, and isn't only what was so before. */
  get settled(): boolean {
    return this._standing !== 'loading' && !this._stale;
  }

  get message(): string {
    return this._message;
  }

  get session(): ISessionDetail | null {
    return this._session;
  }

  /** The lanes of a row, if they are here. */
  lanes(index: number): ILanes | undefined {
    return this._graph?.lanes(index);
  }

  /** How many commits there are, here or still to come. */
  get total(): number {
    return this._graph?.total ?? 0;
  }

  /** Those that are here, from the newest on. */
  get commits(): readonly string[] {
    return this._graph?.commits ?? [];
  }

  get head(): string | null {
    return this._session?.refs.head ?? null;
  }

  /** Whether the notebook's kernel has this very session open, so that it can be moved. */
  get attached(): boolean {
    return this._session !== null && this._link?.attached?.session === this._session.id;
  }

  /** The store that the kernel writes to, if it isn't the one that the server reads. */
  get strayStore(): string | null {
    const store = this._link?.attached?.store;
    return store && this._serverStore && store !== this._serverStore ? store : null;
  }

  get serverStore(): string | null {
    return this._serverStore;
  }

  set visible(value: boolean) {
    this._poller.visible = value;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    this._poller.stop();
    Signal.clearData(this);
  }

  /** Follow another notebook. */
  follow(link: NotebookLink | null): void {
    if (link === this._link) {
      return;
    }
    this._link?.changed.disconnect(this._onLink, this);
    this._keep();
    this._link = link;
    link?.changed.connect(this._onLink, this);
    const kept = link && this._kept.get(link);
    if (kept) {
      this._show(kept);
      this._stale = true;
      this._changed.emit();
    } else {
      this._leave(link ? 'loading' : 'none');
    }
    this._poller.nudge();
  }

  /** Ask the server now. */
  refresh(): void {
    this._poller.nudge();
  }

  /** The index of a commit in the graph, or -1 if it isn't here (yet). */
  indexOf(commit: string): number {
    return this._graph?.indexOf(commit) ?? -1;
  }

  /** A row, if it is here; else it comes later, when `need` has asked for it. */
  row(index: number): IRow | undefined {
    const id = this._graph?.commits[index];
    return id === undefined ? undefined : this._rows.get(id);
  }

  known(commit: string): IRow | undefined {
    return this._rows.get(commit);
  }

  /** Have the rows of this window fetched that aren't here yet. */
  need(rows: IWindow): void {
    const session = this._session;
    const graph = this._graph;
    if (!session || !graph) {
      return;
    }
    const here = this._rows;
    for (const page of pagesOf(rows, PAGE)) {
      const wanted = graph.commits.slice(page * PAGE, (page + 1) * PAGE);
      const key = `${graph.revision}/${page}`;
      const whole = wanted.length === Math.min(PAGE, graph.total - page * PAGE);
      if (this._fetching.has(key) || (whole && wanted.every(id => here.has(id)))) {
        continue;
      }
      this._fetching.add(key);
      void this.api
        .commits(session.id, { offset: page * PAGE, limit: PAGE })
        .then(found => {
          found.commits.forEach(row => here.set(row.id, row));
          if (this._session?.id === session.id) {
            this._changed.emit();
          }
        })
        .catch(() => this._poller.nudge())
        .finally(() => this._fetching.delete(key));
    }
  }

  private _onLink(link: NotebookLink, event: LinkEvent): void {
    if (link.attached && event === 'attached') {
      this.memory.remember(link.path, link.attached.session);
    }
    if (event === 'attached' || event === 'commit' || event === 'lost' || event === 'back' || !link.busy) {
      this._poller.nudge();
    }
    this._changed.emit();
  }

  /** Bring everything up to date; whether anything was new. */
  private async _poll(): Promise<boolean> {
    const link = this._link;
    if (!link) {
      return false;
    }
    try {
      // What the notebook had last is asked for while it is found out whether it still has that.
      const guess = this._session ? null : await this._guess(link);
      const early = guess === null ? null : this._open(guess);
      early?.catch(() => undefined); // if it is wanted, it is waited for below
      const id = await this._find(link);
      if (this._link !== link) {
        return false;
      }
      if (id === null) {
        return this._stand('empty');
      }
      // For what is opened, all is asked for at once; later only whether anything is new.
      if (this._session?.id !== id) {
        const [session, graph, first] = await (early && guess === id ? early : this._open(id));
        // The kernel may have moved on, or the user to another notebook, while this was under way.
        if (this._link !== link) {
          return false;
        }
        this._take(session, new Graph(graph), new Map(first.commits.map(row => [row.id, row])));
        return true;
      }
      const found = await this.api.session(id, this._session.revision);
      if (isUnchanged(found)) {
        if (this._link !== link) {
          return false;
        }
        this._stale = false;
        void this._complete();
        return this._stand('ready');
      }
      const graph = await this.api.graph(id, 0, FIRST);
      if (this._link !== link) {
        return false;
      }
      this._take(found, this._graph?.grown(graph, tips(found.refs)) ?? new Graph(graph), this._rows);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.kind === 'StoreMissing') {
        // Nothing has been saved there yet: that is how everybody begins.
        this._serverStore = (await this.api.store()).store;
        return this._link === link && this._stand('empty');
      }
      if (this._link === link) {
        this._fail(error);
      }
      throw error;
    }
  }

  /** The id of the session that the notebook has or had. */
  private async _find(link: NotebookLink): Promise<string | null> {
    if (link.attached && !link.lost && !this.strayStore && this._serverStore) {
      return link.attached.session;
    }
    const { store, sessions } = await this.api.sessions(link.path, 10);
    this._serverStore = store;
    if (link.lost) {
      return link.lost.session;
    }
    if (link.attached) {
      return this.strayStore ? null : link.attached.session;
    }
    const known = await this.memory.session(link.path);
    if (known !== null || sessions.some(session => session.live)) {
      link.ask();
    }
    const found = newest(sessions);
    if (known === null || known === found?.id) {
      return found?.id ?? null;
    }
    // The notebook was renamed after its kernel had begun: the store knows the session by the old name.
    const remembered = await this.api.session(known).catch(() => null);
    const newer = remembered && !isUnchanged(remembered) && remembered.updated >= (found?.updated ?? 0);
    return newer ? known : (found?.id ?? null);
  }

  /** The session that the notebook probably has. */
  private async _guess(link: NotebookLink): Promise<string | null> {
    return link.attached || link.lost ? null : this.memory.session(link.path);
  }

  /** All of a session that is seen first. */
  private _open(id: string): Promise<[ISessionDetail, IGraph, IPage]> {
    return Promise.all([
      this.api.session(id) as Promise<ISessionDetail>,
      this.api.graph(id, 0, FIRST),
      this.api.commits(id, { offset: 0, limit: PAGE })
    ]);
  }

  private _take(session: ISessionDetail, graph: Graph, rows: Map<string, IRow>): void {
    this._show({ session, graph, rows });
    this._serverStore = session.store;
    this._stale = false;
    this._needHead();
    this._changed.emit();
    void this._complete();
  }

  private _show({ session, graph, rows }: IShown): void {
    this._session = session;
    this._graph = graph;
    this._rows = rows;
    this._fetching.clear();
    this._standing = 'ready';
    this._message = '';
  }

  /** Keep what is seen of this notebook for when it is looked at again. */
  private _keep(): void {
    const link = this._link;
    for (const other of this._kept.keys()) {
      if (other === link || other.isDisposed) {
        this._kept.delete(other);
      }
    }
    if (link && !link.isDisposed && this._session && this._graph && this._standing === 'ready') {
      this._kept.set(link, { session: this._session, graph: this._graph, rows: this._rows });
    }
    for (const oldest of [...this._kept.keys()].slice(0, -KEPT)) {
      this._kept.delete(oldest);
    }
  }

  /** The status bar names the current version, wherever the list is. */
  private _needHead(): void {
    const head = this.indexOf(this.head ?? '');
    if (head >= 0) {
      this.need({ first: head, end: head + 1 });
    }
  }

  /** Fetch what is missing of the graph, while its beginning is seen already. */
  private async _complete(): Promise<void> {
    const graph = this._graph;
    const session = this._session;
    if (!graph || !session || graph.complete || this._completing === graph) {
      return;
    }
    this._completing = graph;
    try {
      while (!graph.complete) {
        const page = await this.api.graph(session.id, graph.commits.length, MORE);
        if (this._graph !== graph) {
          return;
        }
        if (!graph.add(page)) {
          this._poller.nudge(); // it has changed, and is fetched anew
          return;
        }
        this._needHead();
        this._changed.emit();
      }
    } catch {
      // Whether the server is there is for the next poll to say, which also comes back to this.
    } finally {
      if (this._completing === graph) {
        this._completing = null;
      }
    }
  }

  private _fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof ApiError && error.isAbsent) {
      this._stand('absent', message);
    } else if (error instanceof ApiError && error.status === 404) {
      this._leave('empty'); // the session has been deleted, or nothing has happened in it yet
    } else {
      this._stand('trouble', message);
    }
  }

  private _stand(standing: Standing, message = ''): boolean {
    if (standing === this._standing && message === this._message) {
      return false;
    }
    if (standing === 'empty') {
      this._leave(standing);
      return true;
    }
    this._standing = standing;
    this._message = message;
    this._changed.emit();
    return true;
  }

  private _leave(standing: Standing): void {
    this._session = null;
    this._graph = null;
    this._rows = new Map();
    this._stale = false;
    this._fetching.clear();
    this._standing = standing;
    this._message = '';
    this._changed.emit();
  }

  private _link: NotebookLink | null = null;
  private _standing: Standing = 'none';
  private _message = '';
  private _session: ISessionDetail | null = null;
  private _graph: Graph | null = null;
  private _completing: Graph | null = null;
  private _serverStore: string | null = null;
  private _disposed = false;
  private _rows = new Map<string, IRow>();
  private _stale = false;
  private readonly _kept = new Map<NotebookLink, IShown>();
  private readonly _fetching = new Set<string>();
  private readonly _poller: Poller;
  private readonly _changed = new Signal<this, void>(this);
}

/** Every commit that a ref is at. */
function tips(refs: IRefs): string[] {
  return [...(refs.head ? [refs.head] : []), ...Object.values(refs.branches), ...Object.values(refs.tags)];
}

function isUnchanged(found: ISessionDetail | IUnchanged): found is IUnchanged {
  return 'unchanged' in found && found.unchanged;
}

/** The session that a reader means who opens the notebook: the one that runs, else the newest in which something happened. */
function newest(sessions: readonly ISession[]): ISession | undefined {
  return sessions.find(session => session.live && session.commits > 0) ?? sessions.find(session => session.commits > 0);
}
