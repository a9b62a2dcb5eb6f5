import type { Api } from '../src/api/client';
import type { IGraph, IPage, IRow } from '../src/api/types';
import { Follower, type IMemory } from '../src/model/follower';
import type { NotebookLink } from '../src/model/link';
import { Signal } from '@lumino/signaling';

/** A server with one session of one line of commits, and what it was asked. */
class Server {
  constructor(public count: number) {}

  readonly asked: string[] = [];
  /** What the rest of the graph waits for. */
  gate: Promise<void> = Promise.resolve();

  get revision(): string {
    return `r${this.count}`;
  }

  id(index: number): string {
    return `c${this.count - 1 - index}`;
  }

  private _slice<T>(offset: number, limit: number, make: (index: number) => T): T[] {
    return Array.from({ length: Math.max(0, Math.min(limit, this.count - offset)) }, (_, at) => make(offset + at));
  }

  readonly api = {
    sessions: async () => ({ store: '/store', total: 1, sessions: [{ id: 's', commits: this.count, live: false }] }),
    session: async (id: string, revision?: string) => {
      if (id !== 's') {
        throw new Error(`There is no session ${id}.`);
      }
      const refs = { head: this.id(0), branch: 'main', branches: { main: this.id(0) }, tags: {} };
      const unchanged = { revision: this.revision, unchanged: true };
      return revision === this.revision ? unchanged : { id: 's', revision: this.revision, refs, store: '/store' };
    },
    commits: async (_: string, { offset = 0, limit = 100 }): Promise<IPage> => {
      this.asked.push(`commits ${offset}`);
      const { revision, count: total } = this;
      return { revision, total, offset, commits: this._slice(offset, limit, at => ({ id: this.id(at) }) as IRow) };
    },
    graph: async (_: string, offset: number, limit: number): Promise<IGraph> => {
      this.asked.push(`graph ${offset}`);
      if (offset > 0) {
        await this.gate;
      }
      const { revision, count: total } = this;
      const parents = this._slice(offset, limit, at => (at + 1 < total ? at + 1 : -1));
      return { revision, total, offset, commits: this._slice(offset, limit, at => this.id(at)), parents };
    }
  };
}

function notebook(path = 'a.ipynb'): NotebookLink {
  const link = { path, attached: null, lost: null, busy: false, ask: () => undefined };
  return { ...link, changed: new Signal(link) } as unknown as NotebookLink;
}

function follow(server: Server, memory?: IMemory): Follower {
  const follower = new Follower(server.api as unknown as Api, memory);
  follower.follow(notebook());
  return follower;
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !holds(); turn++) {
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  expect(holds()).toBe(true);
}

test('the first rows are there before the rest of the graph is, and the end when it is', async () => {
  const server = new Server(10_000);
  let open = (): void => undefined;
  server.gate = new Promise(resolve => (open = resolve));
  const follower = follow(server);
  await until(() => follower.standing === 'ready');
  expect(follower.total).toBe(10_000);
  expect(follower.row(0)?.id).toBe('c9999');
  expect(follower.lanes(20)).toMatchObject({ lane: 0, up: true, down: true });
  expect(follower.commits.length).toBeLessThan(1000);
  // Scrolled to the very end at once: its rows are asked for, and shown as soon as the graph knows them.
  follower.need({ first: 9990, end: 10_000 });
  expect(server.asked).toContain('commits 9900');
  expect(follower.lanes(9999)).toBeUndefined();
  open();
  await until(() => follower.commits.length === 10_000);
  expect(follower.row(9999)?.id).toBe('c0');
  expect(follower.lanes(9999)).toMatchObject({ up: true, down: false });
  expect(follower.indexOf('c0')).toBe(9999);
  follower.dispose();
});

test('one more commit does not have the graph fetched anew', async () => {
  const server = new Server(10_000);
  const follower = follow(server);
  await until(() => follower.commits.length === 10_000);
  server.asked.length = 0;
  server.count = 10_001;
  follower.refresh();
  await until(() => follower.total === 10_001);
  expect(follower.commits.length).toBe(10_001);
  expect(server.asked.filter(each => each.startsWith('graph'))).toEqual(['graph 0']);
  await until(() => follower.row(0) !== undefined);
  follower.dispose();
});

test('a commit while the rest comes: it is fetched anew', async () => {
  const server = new Server(10_000);
  let open = (): void => undefined;
  server.gate = new Promise(resolve => (open = resolve));
  const follower = follow(server);
  await until(() => follower.standing === 'ready');
  server.count = 10_001;
  open();
  await until(() => follower.commits.length === 10_001);
  expect(follower.commits[10_000]).toBe('c0');
  follower.dispose();
});

test('a notebook that is looked at again shows what it showed, then what is new', async () => {
  const server = new Server(50);
  const follower = follow(server);
  const first = follower.link;
  await until(() => follower.settled);
  follower.follow(notebook('other.ipynb'));
  expect(follower.standing).toBe('loading');
  expect(follower.row(0)).toBeUndefined();
  await until(() => follower.settled);
  server.count = 51;
  follower.follow(first);
  expect([follower.standing, follower.settled, follower.row(0)?.id]).toEqual(['ready', false, 'c49']);
  await until(() => follower.settled);
  expect([follower.total, follower.commits[0]]).toEqual([51, 'c50']);
  follower.dispose();
});

test('of many notebooks only a few are kept', async () => {
  const server = new Server(3);
  const follower = follow(server);
  const first = follower.link;
  for (let number = 0; number < 7; number++) {
    await until(() => follower.settled);
    follower.follow(notebook(`${number}.ipynb`));
  }
  await until(() => follower.settled);
  follower.follow(first);
  expect(follower.standing).toBe('loading');
  follower.dispose();
});

test('what a notebook had last is asked for at once, and taken if it has it still', async () => {
  const server = new Server(3);
  let known = 's';
  const memory = { session: async () => known, remember: () => undefined };
  const follower = follow(server, memory);
  await until(() => follower.settled);
  expect(server.asked).toEqual(['graph 0', 'commits 0']);
  expect(follower.row(0)?.id).toBe('c2');
  // It is gone: the guess fails without a trace.
  known = 'gone';
  follower.follow(notebook('again.ipynb'));
  await until(() => follower.settled);
  expect(follower.standing).toBe('ready');
  expect(follower.session?.id).toBe('s');
  follower.dispose();
});
