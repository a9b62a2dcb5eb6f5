/** The pictures that a notebook's cell still has as outputs of one very run. */

/** What is needed of a cell, with its outputs as a notebook keeps them. */
export interface IRunCell {
  id: string;
  source: string;
  execution_count: number | null;
  outputs: readonly object[];
}

export interface IRun {
  cell_id: string | null;
  execution_count: number | null;
  source: string;
}

export interface IOutputPicture {
  /** A data URL. */
  url: string;
  /** What the output says of itself in words, or nothing. */
  words: string;
}

/** More are not shown. */
const MOST = 3;
const KINDS = ['image/png', 'image/jpeg', 'image/svg+xml'];

/**
 * The pictures of that run: the cell's own, if it hasn't run again since.
 *
 * @param same Whether the kernel goes on counting where the run was. If not, another cell's run may have the same number, and
 * only the same code is taken for it.
 */
export function picturesOf(run: IRun, cells: readonly IRunCell[], same: boolean): IOutputPicture[] {
  const cell = cells.find(each => run.cell_id !== null && each.id === run.cell_id);
  if (!cell || run.execution_count === null || cell.execution_count !== run.execution_count) {
    return [];
  }
  return same || cell.source === run.source ? cell.outputs.flatMap(picture).slice(0, MOST) : [];
}

function picture(output: { data?: unknown }): IOutputPicture[] {
  const data = (output.data ?? {}) as Record<string, unknown>;
  const kind = KINDS.find(each => text(data[each]));
  if (kind === undefined) {
    return [];
  }
  const body = text(data[kind]);
  const url = kind.startsWith('image/svg')
    ? `data:${kind};charset=utf-8,${encodeURIComponent(body)}`
    : `data:${kind};base64,${body.replace(/\s/g, '')}`;
  return [{ url, words: text(data['text/plain']).trim() }];
}

/** A notebook has a text as a whole, or as a list of its lines. */
function text(value: unknown): string {
  return Array.isArray(value) ? value.join('') : typeof value === 'string' ? value : '';
}
