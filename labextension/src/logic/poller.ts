/** Asks again and again: often while things happen, seldom when nobody looks. */

export interface IPace {
  /** Milliseconds while something has happened lately. */
  quick: number;
  /** Milliseconds otherwise. */
  calm: number;
  /** Milliseconds while nobody sees it. */
  hidden: number;
  /** Milliseconds for which something counts as lately. */
  lately: number;
}

export const PACE: IPace = { quick: 900, calm: 5000, hidden: 30000, lately: 20000 };

export interface IClock {
  now(): number;
  set(callback: () => void, delay: number): unknown;
  clear(timer: unknown): void;
}

const REAL: IClock = {
  now: () => Date.now(),
  set: (callback, delay) => setTimeout(callback, delay),
  clear: timer => clearTimeout(timer as ReturnType<typeof setTimeout>)
};

/** One loop over `poll`, which tells whether anything was new. Never two at a time. */
export class Poller {
  constructor(
    private readonly _poll: () => Promise<boolean>,
    private readonly _pace: IPace = PACE,
    private readonly _clock: IClock = REAL
  ) {}

  /** Whether somebody looks. */
  get visible(): boolean {
    return this._visible;
  }
  set visible(value: boolean) {
    if (value === this._visible) {
      return;
    }
    this._visible = value;
    if (value) {
      this.nudge();
    } else {
      this._plan();
    }
  }

  start(): void {
    this._running = true;
    this.nudge();
  }

  stop(): void {
    this._running = false;
    this._clock.clear(this._timer);
  }

  /** Something has happened, or is about to: ask now, and often for a while. */
  nudge(): void {
    this._last = this._clock.now();
    if (!this._running) {
      return;
    }
    if (this._busy) {
      this._again = true;
      return;
    }
    this._clock.clear(this._timer);
    void this._once();
  }

  /** Milliseconds until the next question. */
  get delay(): number {
    if (this._failures > 0) {
      return Math.min(this._pace.calm * 2 ** (this._failures - 1), 60000);
    }
    if (!this._visible) {
      return this._pace.hidden;
    }
    return this._clock.now() - this._last < this._pace.lately ? this._pace.quick : this._pace.calm;
  }

  private async _once(): Promise<void> {
    this._busy = true;
    this._again = false;
    try {
      if (await this._poll()) {
        this._last = this._clock.now();
      }
      this._failures = 0;
    } catch {
      this._failures++;
    } finally {
      this._busy = false;
    }
    if (this._again && this._running) {
      void this._once();
    } else {
      this._plan();
    }
  }

  private _plan(): void {
    this._clock.clear(this._timer);
    if (this._running && !this._busy) {
      this._timer = this._clock.set(() => void this._once(), this.delay);
    }
  }

  private _visible = true;
  private _running = false;
  private _busy = false;
  private _again = false;
  private _failures = 0;
  private _last = Number.NEGATIVE_INFINITY;
  private _timer: unknown = undefined;
}
