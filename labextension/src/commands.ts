/** The ids of all commands of the panel. */
export namespace CommandIDs {
  export const open = 'perdure:open';
  export const openVersions = 'perdure:open-versions';
  export const openBranches = 'perdure:open-branches';
  export const openCache = 'perdure:open-cache';
  export const attach = 'perdure:attach';
  export const undo = 'perdure:undo';
  export const redo = 'perdure:redo';
  export const restore = 'perdure:restore';
  export const restoreSelected = 'perdure:restore-selected';
  export const compareSelected = 'perdure:compare-with-current';
  export const restorePoint = 'perdure:restore-point';
  export const createBranch = 'perdure:create-branch';
  export const switchBranch = 'perdure:switch-branch';
  export const findChange = 'perdure:find-last-change';
  export const refresh = 'perdure:refresh';
  export const restoreFile = 'perdure:restore-file';
  export const restoreAny = 'perdure:restore-any';
  export const exportCache = 'perdure:export-cache';
}
