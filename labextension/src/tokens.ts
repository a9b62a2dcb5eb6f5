import { Token } from '@lumino/coreutils';

import type { PanelModel } from './model/panel';

/** The model of the panel: what it follows, and what it can do. */
export const IPerdure = new Token<PanelModel>('perdure:IPerdure', 'The versions and the answers that the panel shows.');
