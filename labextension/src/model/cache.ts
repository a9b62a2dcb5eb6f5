/** The kept answers that the panel shows, a page at a time. */

import { type ISignal, Signal } from '@lumino/signaling';

import { type Api, ApiError } from '../api/client';
import type { ICard, IStats, Source } from '../api/types';

export interface ICacheFilter {
  q: string;
  source: '' | Source;
  model: string;
  doubtful: boolean;
  /** Only answers about pictures like this answer's. */
  like: string | null;
}

const PAGE = 30;
const NOTHING: ICacheFilter = { q: '', source: '', model: '', doubtful: false, like: null };

export class CacheModel {
  constructor(private readonly _api: Api) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  stats: IStats | null = null;
  cards: ICard[] = [];
  total = 0;
  loading = false;
  /** Why there is nothing to see, if something is wrong. */
  trouble: string | null = null;
  /** Whether nothing has ever been asked here. */
  none = false;
  /** The answer that is unfolded. */
  open: string | null = null;
  filter: ICacheFilter = NOTHING;

  get filtered(): boolean {
    const { q, source, model, doubtful, like } = this.filter;
    return Boolean(q || source || model || doubtful || like);
  }

  narrow(change: Partial<ICacheFilter>): void {
    this.filter = { ...this.filter, ...change };
    this._changed.emit();
    void this.load();
  }

  unfold(id: string | null): void {
    this.open = id;
    this._changed.emit();
  }

  /** Fetch the numbers and as many cards as are shown. */
  async load(): Promise<void> {
    const turn = ++this._turn;
    this.loading = true;
    this._changed.emit();
    try {
      const limit = Math.min(Math.max(PAGE, this.cards.length), 200);
      const [stats, page] = await Promise.all([this._api.stats(), this._page(0, limit)]);
      if (turn === this._turn) {
        this.stats = stats;
        this.cards = page.answers;
        this.total = page.total;
        this.trouble = null;
        this.none = false;
      }
    } catch (error) {
      if (turn === this._turn) {
        this.none = error instanceof ApiError && (error.kind === 'StoreMissing' || error.isAbsent);
        this.trouble = error instanceof Error ? error.message : String(error);
        this.cards = [];
        this.total = 0;
        this.stats = null;
      }
    } finally {
      if (turn === this._turn) {
        this.loading = false;
        this._changed.emit();
      }
    }
  }

  async more(): Promise<void> {
    const turn = this._turn;
    const page = await this._page(this.cards.length, PAGE);
    if (turn === this._turn) {
      this.cards = [...this.cards, ...page.answers];
      this.total = page.total;
      this._changed.emit();
    }
  }

  private async _page(offset: number, limit: number): Promise<{ total: number; answers: ICard[] }> {
    const { like, ...given } = this.filter;
    if (like) {
      const { answers } = await this._api.similar(like);
      return { total: answers.length, answers };
    }
    return this._api.answers({ offset, limit, ...given });
  }

  private _turn = 0;
  private readonly _changed = new Signal<this, void>(this);
}
