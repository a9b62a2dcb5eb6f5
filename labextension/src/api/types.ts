/** What the server extension answers: the shapes of `perdure/api`. */

/** A description of a value, recorded with its commit. */
export interface IPreview {
  type: string;
  repr: string;
  length?: number;
  size?: number;
  shape?: number[];
  dtype?: string;
  device?: string;
  columns?: [string, string][];
  head?: string[] | string[][];
  /** A small picture of a picture, as a data URL. */
  thumbnail?: string;
}

export interface IStore {
  store: string;
  exists: boolean;
  version?: number | null;
  sessions?: number;
  size?: number;
}

export interface ISession {
  id: string;
  notebook: string | null;
  created: number;
  updated: number;
  commits: number;
  head: string | null;
  branch: string | null;
  trusted: boolean;
  live: boolean;
  owner: { host: string; pid: number } | null;
  /** How many there are; null where counting them would take long. */
  variables: number | null;
  same_name?: boolean;
  /** Where it is below the root of the server, if it is. */
  path?: string | null;
}

export interface IRefs {
  head: string | null;
  branch: string | null;
  branches: Record<string, string>;
  tags: Record<string, string>;
}

export interface ISessionDetail extends ISession {
  revision: string;
  refs: IRefs;
  /** Null where finding out would take long. */
  not_captured: Record<string, string> | null;
  store: string;
  store_size: number;
}

/** A page of the graph. */
export interface IGraph {
  revision: string;
  /** How many commits the whole graph has. */
  total: number;
  /** Where in the whole graph the page begins. */
  offset: number;
  commits: string[];
  /** For each commit of the page where in the whole graph its parent is, or -1. */
  parents: number[];
}

export type Outcome = 'ok' | 'error' | 'interrupted';

export interface IRow {
  id: string;
  parent: string | null;
  execution_count: number | null;
  title: string;
  outcome: Outcome;
  started: number;
  duration: number;
  changed: string[];
  deleted: string[];
  not_captured: string[];
  bytes_added: number;
  kind: string;
  index?: number;
}

export interface IPage {
  revision: string;
  total: number;
  offset: number;
  commits: IRow[];
}

export type ChangeKind = 'added' | 'changed' | 'deleted' | 'not captured';

export interface IChange {
  name: string;
  kind: ChangeKind;
  before: IPreview | null;
  after: IPreview | null;
  reason?: string | null;
}

export interface ICommit extends IRow {
  source: string;
  /** The cell that ran, as the front end called it. */
  cell_id: string | null;
  error: string | null;
  rolled_back: boolean;
  session: string;
  variables: IChange[];
  cot: string[];
}

export interface IDiff {
  before: IRow;
  after: IRow;
  variables: IChange[];
}

export interface IVariable {
  name: string;
  preview: IPreview | null;
  commit: string;
  captured: boolean;
  reason?: string | null;
}

export interface IMoment extends IRow {
  preview: IPreview | null;
  // `kind` of a moment is what happened to the variable, not of the commit
}

export interface IVariableHistory {
  name: string;
  history: IMoment[];
}

export type PlanAction = 'restore' | 'change' | 'delete' | 'keep' | 'not captured';

export interface IPlanRow {
  name: string;
  action: PlanAction;
  reason?: string | null;
  before: IPreview | null;
  after: IPreview | null;
}

export interface IPlan {
  target: IRow;
  rows: IPlanRow[];
}

export interface IVersionCell {
  cell_id: string | null;
  execution_count: number | null;
  source: string;
  commit: string;
}

export type Source = 'exact' | 'near' | 'apprentice' | 'master';

export interface IStats {
  cache: string;
  entries: number;
  asked: number;
  calls_saved: number;
  money_saved: number;
  spent: number;
  hit_rate: number;
  error_bound: number | null;
  delta: number;
  by_source: Partial<Record<Source, number>>;
  models: string[];
}

export interface ICard {
  id: string;
  question: string;
  text: string;
  source: Source;
  confidence: number | null;
  cost: number;
  latency: number;
  model: string;
  time: number;
  pinned: boolean;
  wrong: boolean;
  why: string;
  pictures: number;
  near: { id: string; similarity: number } | null;
  examples: string[];
  commit: string | null;
  session: string | null;
  execution_count: number | null;
  similarity?: number;
}

export interface ICardDetail extends Omit<ICard, 'examples'> {
  reasoning: string;
  tokens: { prompt: number; completion: number };
  derived: string[];
  examples: ICard[];
  format: string;
  choices: string[] | null;
}

/** What a checkout, an undo or a restore did: `perdure.Report.to_json()`. */
export interface IReport {
  title: string;
  head: string | null;
  seconds: number;
  names: { name: string; status: string; type: string; note: string }[];
  warnings: string[];
}
