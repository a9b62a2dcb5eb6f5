/** The panel: a head that says how it stands, three tabs, and one place where results are told. */

import { closeIcon, ReactWidget, refreshIcon, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { backIcon, perdureIcon, redoIcon, tagIcon, undoIcon } from '../icons';
import { moment } from '../logic/format';
import type { PanelModel, Tab } from '../model/panel';
import { Branches } from './branches';
import { Cache } from './cache';
import { Button, Panel, usePanel } from './common';
import { Detail, newTag } from './detail';
import { Versions } from './versions';

export class PanelWidget extends ReactWidget {
  constructor(readonly model: PanelModel) {
    super();
    this.id = 'perdure-panel';
    this.addClass('perdure-Panel');
    this.title.icon = perdureIcon;
    this.title.caption = model.trans.__('Versions');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', model.trans.__('Versions and answers'));
  }

  protected override render(): JSX.Element {
    return (
      <Panel.Provider value={this.model}>
        <Guard>
          <UseSignal signal={this.model.stateChanged}>{() => <Whole />}</UseSignal>
        </Guard>
      </Panel.Provider>
    );
  }

  protected override onAfterShow(): void {
    this.model.follower.visible = true;
    if (this.model.tab === 'cache') {
      void this.model.cache.load();
    }
  }

  protected override onAfterHide(): void {
    this.model.follower.visible = false;
  }
}

/** A fault of a view is said, and can be tried again; it must not leave an empty panel. */
class Guard extends React.Component<{ children: React.ReactNode }, { fault: string | null }> {
  static override contextType = Panel;
  declare context: React.ContextType<typeof Panel>;
  override state = { fault: null };

  static getDerivedStateFromError(error: unknown): { fault: string } {
    return { fault: String(error) };
  }

  override render(): React.ReactNode {
    const panel = this.context;
    if (this.state.fault === null || !panel) {
      return this.props.children;
    }
    const again = (): void => {
      panel.closeView();
      this.setState({ fault: null });
    };
    return (
      <div className="perdure-Empty" role="alert">
        <p>{panel.trans.__('The panel could not show this, which is a fault in perdure: %1', this.state.fault)}</p>
        <p className="perdure-Faint">{panel.trans.__('Nothing is lost: what is saved is saved.')}</p>
        <Button label={panel.trans.__('Try again')} onClick={again} />
      </div>
    );
  }
}

function Whole(): JSX.Element {
  const panel = usePanel();
  return (
    <>
      <Head />
      <Tabs />
      <Told />
      <div className="perdure-Main" role="tabpanel" id="perdure-main" aria-labelledby={`perdure-tab-${panel.tab}`}>
        {panel.tab === 'cache' ? <Cache /> : <Session />}
      </div>
    </>
  );
}

function Head(): JSX.Element {
  const panel = usePanel();
  const { trans, follower } = panel;
  const { link, session } = follower;
  const name = link?.path.split('/').pop() ?? '';
  const can = follower.attached && !panel.working;
  return (
    <header className="perdure-Head">
      <div className="perdure-Head-line">
        <h2 title={link?.path}>{name || trans.__('Versions')}</h2>
        <span className="perdure-Spring" />
        <Button
          bare
          icon={undoIcon}
          label={trans.__('Undo the last cell or restore')}
          disabled={!can}
          onClick={() => void panel.undo()}
        />
        <Button bare icon={redoIcon} label={trans.__('Redo')} disabled={!can} onClick={() => void panel.redo()} />
        <Button
          bare
          icon={tagIcon}
          label={trans.__('Set a restore point…')}
          disabled={!can || !follower.head}
          onClick={() => follower.head && void newTag(panel, follower.head)}
        />
        <Button bare icon={refreshIcon} label={trans.__('Look again')} onClick={() => follower.refresh()} />
      </div>
      {session ? <p className="perdure-Faint">{state(panel)}</p> : null}
    </header>
  );
}

/** How the session stands, in a line. */
export function state(panel: PanelModel): string {
  const { trans, follower } = panel;
  const { link, session } = follower;
  if (!session) {
    return '';
  }
  const { branch, branches } = session.refs;
  const tip = branch === null || branches[branch] === follower.head;
  const where = !branch
    ? trans.__('on no branch')
    : tip
      ? trans.__('on %1', branch)
      : trans.__('behind the tip of %1: the next change starts a branch', branch);
  if (!follower.attached) {
    return trans.__('Saved session of %1, %2; not in this kernel', moment(session.updated), where);
  }
  if (link?.trouble) {
    return trans.__('Not saved: %1', link.trouble);
  }
  return link?.saving ? trans.__('Saving, %1', where) : trans.__('All saved, %1', where);
}

function Tabs(): JSX.Element {
  const panel = usePanel();
  const { trans } = panel;
  const tabs: [Tab, string][] = [
    ['versions', trans.__('Versions')],
    ['branches', trans.__('Branches')],
    ['cache', trans.__('Answers')]
  ];
  const onKey = (event: React.KeyboardEvent, index: number): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step) {
      const [next] = tabs[(index + step + tabs.length) % tabs.length];
      panel.tab = next;
      document.getElementById(`perdure-tab-${next}`)?.focus();
      event.preventDefault();
    }
  };
  return (
    <div className="perdure-Tabs" role="tablist" aria-label={trans.__('What to see')}>
      {tabs.map(([tab, label], index) => (
        <button
          key={tab}
          id={`perdure-tab-${tab}`}
          type="button"
          role="tab"
          aria-selected={panel.tab === tab}
          aria-controls="perdure-main"
          tabIndex={panel.tab === tab ? 0 : -1}
          onClick={() => (panel.tab = tab)}
          onKeyDown={event => onKey(event, index)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

/** What came of the last action. Read out when it changes; it stays until it is dismissed or another comes. */
function Told(): JSX.Element {
  const panel = usePanel();
  const { trans, told } = panel;
  return (
    <div className="perdure-Told" role="status" aria-live="polite" data-kind={told?.kind}>
      {told ? (
        <>
          <span className="perdure-Told-text">
            <span aria-hidden="true">{{ busy: '… ', done: '✓ ', failed: '✕ ' }[told.kind]}</span>
            {told.text}
          </span>
          {told.action ? <Button label={told.action.label} onClick={told.action.run} /> : null}
          {told.kind === 'busy' ? null : (
            <Button bare icon={closeIcon} label={trans.__('Dismiss')} onClick={() => panel.dismiss()} />
          )}
          {told.notes?.length ? (
            <ul>
              {told.notes.map((note, index) => (
                <li key={index}>{note}</li>
              ))}
            </ul>
          ) : null}
        </>
      ) : null}
    </div>
  );
}

function Session(): JSX.Element {
  const panel = usePanel();
  const { trans, follower } = panel;
  const { link, standing, strayStore } = follower;
  if (standing === 'none') {
    return <Empty text={trans.__('Open a notebook to see its versions.')} />;
  }
  if (standing === 'absent') {
    return (
      <Empty
        text={trans.__('This JupyterLab’s server has no perdure.')}
        more={trans.__('Install it where the server runs (pip install perdure), and start the server anew.')}
      />
    );
  }
  if (strayStore) {
    return (
      <Empty
        text={trans.__(
          'This kernel keeps its versions in %1, and this server reads %2.',
          strayStore,
          follower.serverStore ?? ''
        )}
        more={trans.__(
          'Set PERDURE_STORE to the same folder for both, or the same c.Perdure.store, and start the server anew.'
        )}
      />
    );
  }
  if (standing === 'trouble') {
    return (
      <Empty text={follower.message}>
        <Button icon={refreshIcon} label={trans.__('Look again')} onClick={() => follower.refresh()} />
      </Empty>
    );
  }
  if (standing === 'loading') {
    return <p className="perdure-Faint perdure-Count">{trans.__('Loading…')}</p>;
  }
  if (standing === 'empty' || follower.total === 0) {
    return link?.attached ? (
      <Empty text={trans.__('Nothing has run yet. Every cell that you run becomes a version.')} />
    ) : (
      <Empty
        text={trans.__('This notebook’s kernel keeps no versions yet.')}
        more={trans.__('Load perdure, here or with %load_ext perdure in a cell: from then on every cell is a version.')}
      >
        <Button
          primary
          icon={perdureIcon}
          label={trans.__('Load perdure')}
          disabled={panel.working}
          onClick={() => void panel.attach()}
        />
      </Empty>
    );
  }
  return (
    <>
      {follower.attached ? null : <Offer />}
      {panel.tab === 'versions' ? (
        <div className="perdure-Split">
          <div className="perdure-Split-list">
            <Versions />
          </div>
          <Detail />
        </div>
      ) : (
        <Branches />
      )}
    </>
  );
}

/** A session that isn't in the notebook's kernel: it can be brought there, or left. */
function Offer(): JSX.Element | null {
  const panel = usePanel();
  const { trans, follower } = panel;
  const { session, head } = follower;
  if (!session || panel.view.kind === 'restore') {
    return null;
  }
  const elsewhere = session.live && session.owner;
  const saved =
    session.variables === null ? null : Math.max(0, session.variables - Object.keys(session.not_captured ?? {}).length);
  return (
    <div className="perdure-Offer">
      {elsewhere ? (
        <p>
          {trans.__('This session is open in process %1 on %2.', session.owner?.pid ?? 0, session.owner?.host ?? '')}
        </p>
      ) : (
        <p>
          {saved === null
            ? trans.__('Its variables are saved')
            : trans._n('%1 variable is saved', '%1 variables are saved', saved)}{' '}
          {trans.__('as of %1. They are not in this kernel.', moment(session.updated))}
          {session.trusted
            ? ''
            : ` ${trans.__('The session came from elsewhere: trust it first, with “perdure trust %1” in a terminal.', session.id)}`}
        </p>
      )}
      <div className="perdure-Actions">
        {elsewhere ? null : (
          <Button
            primary
            icon={backIcon}
            label={trans.__('Restore…')}
            disabled={!head || panel.working}
            onClick={() => head && panel.preview(head)}
          />
        )}
        {follower.link?.attached ? null : (
          <Button
            label={trans.__('Start a new session')}
            disabled={panel.working}
            onClick={() => void panel.attach()}
          />
        )}
      </div>
    </div>
  );
}

function Empty(props: { text: string; more?: string; children?: React.ReactNode }): JSX.Element {
  return (
    <div className="perdure-Empty">
      <p>{props.text}</p>
      {props.more ? <p className="perdure-Faint">{props.more}</p> : null}
      {props.children}
    </div>
  );
}
