/** Lanes of the version graph: for each row, which lines pass it and which end at it. */

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
  /** @param parents For each commit the index of its parent, or -1. */
  constructor(private readonly _parents: readonly number[]) {}

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
    const down = parent > index && parent < this._parents.length;
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
