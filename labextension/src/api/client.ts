/** The client of `perdure/api`. It only reads; what changes a session is done by the kernel. */

import type {
  ICard,
  ICardDetail,
  ICommit,
  IDiff,
  IGraph,
  IPage,
  IPlan,
  ISession,
  ISessionDetail,
  IStats,
  IStore,
  IVariable,
  IVariableHistory,
  IVersionCell
} from './types';

/** What a request came back with. */
export interface IResponse {
  status: number;
  text: string;
}

/** How a path below `perdure/api/` is fetched. */
export type Fetch = (path: string) => Promise<IResponse>;

/** An error that the server put into a sentence. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** There is no server extension: JupyterLab runs elsewhere than perdure, or without it. */
  get isAbsent(): boolean {
    return this.status === 404 && this.kind === '';
  }

  /** The store isn't there or can't be read at the moment. */
  get isStore(): boolean {
    return this.status === 503;
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

/** `?a=1&b=2` of what is given; nothing of what isn't. */
export function query(parts: Query): string {
  const given = Object.entries(parts).filter(
    ([, value]) => value !== undefined && value !== null && value !== '' && value !== false
  );
  const text = given.map(([key, value]) => `${key}=${encodeURIComponent(value === true ? '1' : String(value))}`);
  return text.length ? `?${text.join('&')}` : '';
}

const part = encodeURIComponent;

export interface IUnchanged {
  revision: string;
  unchanged: true;
}

export class Api {
  constructor(private readonly _fetch: Fetch) {}

  store(): Promise<IStore> {
    return this._get('store');
  }

  sessions(notebook?: string, limit = 20): Promise<{ store: string; total: number; sessions: ISession[] }> {
    return this._get(`sessions${query({ notebook, limit })}`);
  }

  session(id: string, revision?: string): Promise<ISessionDetail | IUnchanged> {
    return this._get(`sessions/${part(id)}${query({ revision })}`);
  }

  graph(id: string, offset: number, limit: number): Promise<IGraph> {
    return this._get(`sessions/${part(id)}/graph${query({ offset, limit })}`);
  }

  commits(
    id: string,
    given: { offset?: number; limit?: number; q?: string; var?: string; outcome?: string }
  ): Promise<IPage> {
    return this._get(`sessions/${part(id)}/commits${query(given)}`);
  }

  commit(id: string, ref: string): Promise<ICommit> {
    return this._get(`sessions/${part(id)}/commits/${part(ref)}`);
  }

  diff(id: string, before: string, after: string): Promise<IDiff> {
    return this._get(`sessions/${part(id)}/diff${query({ before, after })}`);
  }

  variables(id: string, ref: string): Promise<{ ref: string; variables: IVariable[] }> {
    return this._get(`sessions/${part(id)}/variables${query({ ref })}`);
  }

  variable(id: string, name: string, ref?: string, limit = 50): Promise<IVariableHistory> {
    return this._get(`sessions/${part(id)}/variables/${part(name)}${query({ ref, limit })}`);
  }

  plan(id: string, ref: string, fresh: boolean): Promise<IPlan> {
    return this._get(`sessions/${part(id)}/plan${query({ ref, fresh })}`);
  }

  notebook(id: string, ref: string): Promise<{ cells: IVersionCell[] }> {
    return this._get(`sessions/${part(id)}/notebook${query({ ref })}`);
  }

  stats(): Promise<IStats> {
    return this._get('cot/stats');
  }

  answers(given: {
    offset?: number;
    limit?: number;
    q?: string;
    source?: string;
    model?: string;
    doubtful?: boolean;
  }): Promise<{ total: number; answers: ICard[] }> {
    return this._get(`cot/answers${query(given)}`);
  }

  answer(id: string): Promise<ICardDetail> {
    return this._get(`cot/answers/${part(id)}`);
  }

  similar(id: string, limit = 12): Promise<{ answers: ICard[] }> {
    return this._get(`cot/answers/${part(id)}/similar${query({ limit })}`);
  }

  private async _get<T>(path: string): Promise<T> {
    const { status, text } = await this._fetch(path);
    let data: unknown;
    try {
      data = JSON.parse(text);
    } catch {
      data = null;
    }
    if (status >= 200 && status < 300 && data !== null) {
      return data as T;
    }
    const told = (data ?? {}) as { error?: string; message?: string };
    throw new ApiError(status, told.error ?? '', told.message ?? `The server answered ${status} to ${path}.`);
  }
}
