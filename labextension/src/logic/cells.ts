/** The notebook's code as of a version: which cells get which source. */

import type { IVersionCell } from '../api/types';

export interface ICurrentCell {
  id: string;
  type: string;
  source: string;
}

export interface ICellStep {
  kind: 'replace' | 'insert';
  /** Where, at the time when the steps before it have been done. */
  index: number;
  id: string | null;
  source: string;
  execution_count: number | null;
}

/**
 * What to do to the cells that are there.
 *
 * Cells that ran get the source that they had; those that are gone come back behind the one that ran before them. All others, text
 * and code that had not been run, stay as they are: nothing that anybody wrote is taken away.
 */
export function cellSteps(version: readonly IVersionCell[], now: readonly ICurrentCell[]): ICellStep[] {
  const found = matches(version, now);
  const steps: ICellStep[] = [];
  /** Where a cell stands now that stood at `index` before the steps. */
  const shifted = (index: number): number =>
    steps.reduce((at, step) => (step.kind === 'insert' && step.index <= at ? at + 1 : at), index);
  let behind = -1;
  version.forEach(({ cell_id, source, execution_count }, which) => {
    const at = found[which];
    if (at === null) {
      behind += 1;
      steps.push({ kind: 'insert', index: behind, id: cell_id, source, execution_count });
      return;
    }
    behind = shifted(at);
    if (now[at].source !== source) {
      steps.push({ kind: 'replace', index: behind, id: now[at].id, source, execution_count });
    }
  });
  return steps;
}

/** For each cell of the version the index of the cell that it is now: the one with its id, else one with its very source. */
function matches(version: readonly IVersionCell[], now: readonly ICurrentCell[]): (number | null)[] {
  const used = new Set<number>();
  const find = (fits: (cell: ICurrentCell) => boolean): number | null => {
    const at = now.findIndex((cell, index) => cell.type === 'code' && !used.has(index) && fits(cell));
    if (at < 0) {
      return null;
    }
    used.add(at);
    return at;
  };
  const byId = version.map(wanted => (wanted.cell_id === null ? null : find(cell => cell.id === wanted.cell_id)));
  return version.map((wanted, which) => byId[which] ?? find(cell => cell.source === wanted.source));
}
