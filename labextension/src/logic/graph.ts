/** The version graph, as far as it is here, and its lanes: for each row, which lines pass it and which end at it. */

import type { IGraph } from '../api/types';

/** One row of the graph. Lanes are numbered from the left. */
export interface ILanes {
  /** The lane of the commit's dot. */
  lane: number;
  /** Lanes that pass by. */
  through: number[];
  /** Lanes that come from above and end at this commit: its other children's. */
  joins: number[];
  /** Whether a line reaches the dot from above in its own lane. */
  up: boolean;
  /** Whether a line leaves the dot downwards: the commit has a parent in the list. */
  down: boolean;
}

const FREE = -1;

/**
 * Lays out commits that stand newest first, children before parents, each with one parent.
 *
 * Rows are made as far down as anybody asked for, and each only once: a long history costs what is looked at.
 */
export class LaneLayout {
  /**
   * @param parents For each commit the index of its parent, or -1. More may be added at its end: no row depends on those below it.
   * @param total How many there are once all are added.
   */
  constructor(
    private readonly _parents: readonly number[],
    private readonly _total = _parents.length
  ) {}

  /** The rows that can be laid out at present. */
  get length(): number {
    return this._parents.length;
  }

  /** The most lanes that stand side by side in the rows made so far. */
  get width(): number {
    return this._width;
  }

  row(index: number): ILanes {
    while (this._rows.length <= index) {
      this._next();
    }
    return this._rows[index];
  }

  private _next(): void {
    const index = this._rows.length;
    const waiting = this._waiting;
    const coming = waiting.flatMap((wanted, lane) => (wanted === index ? [lane] : []));
    let lane = coming.length ? coming[0] : waiting.indexOf(FREE);
    if (lane < 0) {
      lane = waiting.length;
      waiting.push(FREE);
    }
    const joins = coming.slice(1);
    joins.forEach(join => (waiting[join] = FREE));
    const parent = this._parents[index];
    const down = parent > index && parent < this._total;
    waiting[lane] = down ? parent : FREE;
    const through = waiting.flatMap((wanted, other) => (wanted !== FREE && other !== lane ? [other] : []));
    this._width = Math.max(this._width, lane + 1, ...joins.map(join => join + 1), ...through.map(other => other + 1));
    while (waiting.length && waiting[waiting.length - 1] === FREE) {
      waiting.pop();
    }
    this._rows.push({ lane, through, joins, up: coming.length > 0, down });
  }

  private readonly _rows: ILanes[] = [];
  /** For each lane the commit that its line leads to. */
  private readonly _waiting: number[] = [];
  private _width = 0;
}

/** Commits newest first, children before parents, of which the first part is here and more is added page by page. */
export class Graph {
  /** @param first The first page. */
  constructor(first: IGraph) {
    this.revision = first.revision;
    this.total = first.total;
    this._layout = new LaneLayout(this._parents, first.total);
    this._push(first);
  }

  readonly revision: string;
  /** How many commits there are, here or not. */
  readonly total: number;

  /** The ids that are here. */
  get commits(): readonly string[] {
    return this._commits;
  }

  get complete(): boolean {
    return this._commits.length >= this.total;
  }

  /** The index of a commit, or -1 if it isn't here. */
  indexOf(commit: string): number {
    return this._indices.get(commit) ?? -1;
  }

  /** The lanes of a row; undefined if it isn't here yet. */
  lanes(index: number): ILanes | undefined {
    return index < this._commits.length ? this._layout.row(index) : undefined;
  }

  /** Add the next page. False if it doesn't belong there: the graph has changed meanwhile. */
  add(page: IGraph): boolean {
    const fits = page.revision === this.revision && page.offset === this._commits.length && page.commits.length > 0;
    if (fits) {
      this._push(page);
    }
    return fits;
  }

  /**
   * The graph of a newer revision, if all that is known of this one holds there too, below what is new; else null.
   *
   * Everything that was reached is reached still, and nothing else but the new ones, if each tip and each parent of a new one is
   * known and the numbers agree. And the order of the rest is as it was: it depends on that alone, once the new ones are through.
   *
   * @param first The newer one's first page.
   * @param tips Where its refs are.
   */
  grown(first: IGraph, tips: Iterable<string>): Graph | null {
    const added = this._commits.length ? first.commits.indexOf(this._commits[0]) : -1;
    if (added < 0 || first.total !== this.total + added) {
      return null;
    }
    const fresh = new Set(first.commits.slice(0, added));
    const known = (commit: string | undefined): boolean =>
      commit !== undefined && (fresh.has(commit) || this._indices.has(commit));
    const held =
      first.commits.slice(added).every((commit, index) => commit === (this._commits[index] ?? commit)) &&
      first.parents.slice(0, added).every(parent => parent < 0 || known(first.commits[parent])) &&
      [...tips].every(known);
    if (!held) {
      return null;
    }
    const moved = this._parents.map(parent => (parent < 0 ? parent : parent + added));
    return new Graph({
      ...first,
      commits: [...fresh, ...this._commits],
      parents: [...first.parents.slice(0, added), ...moved]
    });
  }

  private _push(page: IGraph): void {
    page.commits.forEach((commit, place) => {
      this._indices.set(commit, this._commits.length);
      this._commits.push(commit);
      this._parents.push(page.parents[place]);
    });
  }

  private readonly _commits: string[] = [];
  private readonly _parents: number[] = [];
  private readonly _indices = new Map<string, number>();
  private readonly _layout: LaneLayout;
}
