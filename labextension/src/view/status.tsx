/** The status bar's item: durable or saving, and where the session is. */

import { VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';

import { savedIcon, savingIcon, troubleIcon } from '../icons';
import { cellNumber } from '../logic/format';
import type { PanelModel } from '../model/panel';
import { state } from './panel';

export class StatusItem extends VDomRenderer<PanelModel> {
  constructor(
    model: PanelModel,
    private readonly _open: () => void
  ) {
    super(model);
    this.addClass('perdure-Status');
  }

  protected override render(): JSX.Element {
    const { follower, trans } = this.model;
    const { link, session } = follower;
    if (!session || follower.standing !== 'ready') {
      return <></>;
    }
    const row = follower.head ? follower.known(follower.head) : undefined;
    const at = [session.refs.branch ?? '', row ? cellNumber(row) : ''].join(' ').trim();
    const [Icon, word] = !follower.attached
      ? [troubleIcon, trans.__('not restored')]
      : link?.trouble
        ? [troubleIcon, trans.__('not saved')]
        : link?.saving
          ? [savingIcon, trans.__('saving')]
          : [savedIcon, trans.__('saved')];
    return (
      <button type="button" className="perdure-Status-button" title={state(this.model)} onClick={this._open}>
        <Icon.react tag="span" className="perdure-Icon" />
        {`${word} · ${at}`}
      </button>
    );
  }
}
