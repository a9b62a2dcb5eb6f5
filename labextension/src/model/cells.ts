/** The notebook's cells as of a version, through the shared model: one step to undo in the editor. */

import type * as nbformat from '@jupyterlab/nbformat';
import type { ISharedNotebook } from '@jupyter/ydoc';

import type { IVersionCell } from '../api/types';
import { cellSteps, type ICellStep } from '../logic/cells';

/** All cells, as they were. */
export interface INotebookState {
  cells: nbformat.ICell[];
}

function steps(notebook: ISharedNotebook, version: readonly IVersionCell[]): ICellStep[] {
  const now = notebook.cells.map(cell => ({
    id: cell.getId(),
    type: cell.cell_type as string,
    source: cell.getSource()
  }));
  return cellSteps(version, now);
}

/** How many cells would change. */
export function codeCells(
  notebook: ISharedNotebook,
  version: readonly IVersionCell[]
): { replaced: number; added: number } {
  const found = steps(notebook, version);
  const replaced = found.filter(step => step.kind === 'replace').length;
  return { replaced, added: found.length - replaced };
}

/** Give the cells the code that they had. Returns what was before, or null if nothing had to change. */
export function applyVersion(notebook: ISharedNotebook, version: readonly IVersionCell[]): INotebookState | null {
  const found = steps(notebook, version);
  if (!found.length) {
    return null;
  }
  const before = { cells: notebook.toJSON().cells };
  notebook.transact(() => {
    for (const step of found) {
      const cell = {
        cell_type: 'code',
        ...(step.id ? { id: step.id } : {}),
        source: step.source,
        execution_count: step.execution_count,
        metadata: step.kind === 'replace' ? notebook.getCell(step.index).getMetadata() : {},
        outputs: []
      };
      if (step.kind === 'replace') {
        notebook.deleteCell(step.index);
      }
      // A whole new cell: a change of a cell's text would be a step in that cell's own history, not in the notebook's.
      notebook.insertCell(step.index, cell as unknown as Parameters<ISharedNotebook['insertCell']>[1]);
    }
  });
  return before;
}

/** Put the cells back as they were; those that are so already are left alone. */
export function putBack(notebook: ISharedNotebook, state: INotebookState): void {
  const same = (index: number, cell: nbformat.ICell): boolean => {
    const now = notebook.cells[index];
    return now !== undefined && now.getId() === cell.id && now.getSource() === text(cell.source);
  };
  notebook.transact(() => {
    state.cells.forEach((cell, index) => {
      if (same(index, cell)) {
        return;
      }
      const wanted = new Set(state.cells.slice(index).map(each => each.id));
      const now = notebook.cells[index];
      if (now && (now.getId() === cell.id || !wanted.has(now.getId()))) {
        notebook.deleteCell(index);
      }
      if (!same(index, cell)) {
        notebook.insertCell(index, cell as unknown as Parameters<ISharedNotebook['insertCell']>[1]);
      }
    });
    if (notebook.cells.length > state.cells.length) {
      notebook.deleteCellRange(state.cells.length, notebook.cells.length);
    }
  });
}

function text(source: nbformat.MultilineString): string {
  return Array.isArray(source) ? source.join('') : source;
}
