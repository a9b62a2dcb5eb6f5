import { LabIcon } from '@jupyterlab/ui-components';

function icon(name: string, body: string): LabIcon {
  const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161">${body}</g></svg>`;
  return new LabIcon({ name: `perdure:${name}`, svgstr });
}

/** A line of versions with a branch. */
export const perdureIcon = icon(
  'perdure',
  '<path d="M6 2a3 3 0 0 0-1 5.83v8.34a3 3 0 1 0 2 0V13h6a4 4 0 0 0 4-4V7.83a3 3 0 1 0-2 0V9a2 2 0 0 1-2 2H7V7.83A3 3 0 0 0 6 2z"/>'
);
/** Back in time. */
export const backIcon = icon(
  'back',
  '<path d="M13 3a9 9 0 0 0-9 9H1l4 4 4-4H6a7 7 0 1 1 2.05 4.95l-1.42 1.42A9 9 0 1 0 13 3zm-1 5v5l4.25 2.52.75-1.23-3.5-2.08V8z"/>'
);
export const undoIcon = icon(
  'undo',
  '<path d="M12.5 8c-2.65 0-5.05 1-6.9 2.6L2 7v9h9l-3.62-3.62A8 8 0 0 1 20.1 16l2.37-.78A10.5 10.5 0 0 0 12.5 8z"/>'
);
export const redoIcon = icon(
  'redo',
  '<path d="M18.4 10.6A10.5 10.5 0 0 0 1.53 15.22L3.9 16a8 8 0 0 1 12.72-3.62L13 16h9V7z"/>'
);
export const tagIcon = icon('tag', '<path d="M17 3H7a2 2 0 0 0-2 2v16l7-3 7 3V5a2 2 0 0 0-2-2z"/>');
export const branchIcon = icon(
  'branch',
  '<path d="M6 2a3 3 0 0 0-1 5.83v8.34a3 3 0 1 0 2 0V13h6a4 4 0 0 0 4-4V7.83a3 3 0 1 0-2 0V9a2 2 0 0 1-2 2H7V7.83A3 3 0 0 0 6 2z"/>'
);
export const savedIcon = icon('saved', '<path d="M9 16.2 4.8 12l-1.4 1.4L9 19 21 7l-1.4-1.4z"/>');
export const savingIcon = icon(
  'saving',
  '<path d="M12 4V1L8 5l4 4V6a6 6 0 0 1 6 6 5.87 5.87 0 0 1-.7 2.8l1.46 1.46A8 8 0 0 0 12 4zm0 14a6 6 0 0 1-6-6 5.87 5.87 0 0 1 .7-2.8L5.24 7.74A8 8 0 0 0 12 20v3l4-4-4-4z"/>'
);
export const troubleIcon = icon('trouble', '<path d="M1 21h22L12 2zm12-3h-2v-2h2zm0-4h-2v-4h2z"/>');
export const pinIcon = icon(
  'pin',
  '<path d="M16 9V4h1a1 1 0 0 0 0-2H7a1 1 0 0 0 0 2h1v5a3 3 0 0 1-3 3v2h5.97v7l1 1 1-1v-7H19v-2a3 3 0 0 1-3-3z"/>'
);
