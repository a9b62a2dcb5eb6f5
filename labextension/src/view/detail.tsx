/** What stands below the list: one version, two compared, a variable's history, or a restore that is about to be done. */

import { InputDialog } from '@jupyterlab/apputils';
import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ICommit, IPlan, IPlanRow, IRow } from '../api/types';
import { backIcon, branchIcon, tagIcon } from '../icons';
import { bytes, cellNumber, seconds, short } from '../logic/format';
import { doesSomething, groups } from '../logic/plan';
import type { PanelModel } from '../model/panel';
import { Button, Changes, Outcome, Time, useLoaded, usePanel, Value, VariableName, Waiting } from './common';
import { Labels } from './versions';

export function Detail(): JSX.Element | null {
  const panel = usePanel();
  const { view } = panel;
  switch (view.kind) {
    case 'none':
      return null;
    case 'commit':
      return <Commit id={view.id} />;
    case 'compare':
      return <Compare before={view.before} after={view.after} />;
    case 'variable':
      return <Variable name={view.name} at={view.ref} />;
    case 'restore':
      return <Restore version={view.ref} title={view.title} />;
  }
}

function Frame(props: { title: React.ReactNode; label: string; children: React.ReactNode }): JSX.Element {
  const panel = usePanel();
  const { trans } = panel;
  return (
    <section
      className="perdure-Detail"
      aria-label={props.label}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          panel.closeView();
          event.stopPropagation();
        }
      }}
    >
      <header className="perdure-Detail-head">
        <h3>{props.title}</h3>
        <Button bare icon={closeIcon} label={trans.__('Close')} onClick={() => panel.closeView()} />
      </header>
      <div className="perdure-Detail-body" tabIndex={0}>
        {props.children}
      </div>
    </section>
  );
}

function Commit(props: { id: string }): JSX.Element {
  const panel = usePanel();
  const { trans, follower } = panel;
  const session = follower.session?.id ?? '';
  const loaded = useLoaded(`${session}/${props.id}`, () => panel.api.commit(session, props.id));
  const current = follower.head === props.id;
  return (
    <Frame title={panel.title(props.id)} label={trans.__('Version %1', short(props.id))}>
      <div className="perdure-Actions">
        {current && follower.attached ? null : (
          <Button primary icon={backIcon} label={trans.__('Restore…')} onClick={() => panel.preview(props.id)} />
        )}
        {current ? null : (
          <Button
            label={trans.__('Compare with now')}
            onClick={() => follower.head && panel.compare(props.id, follower.head)}
          />
        )}
        <Button
          bare
          icon={branchIcon}
          label={trans.__('Start a branch here…')}
          onClick={() => void newBranch(panel, props.id)}
        />
        <Button
          bare
          icon={tagIcon}
          label={trans.__('Name it as a restore point…')}
          onClick={() => void newTag(panel, props.id)}
        />
      </div>
      <Waiting of={loaded}>
        {commit => (
          <>
            <p className="perdure-Facts perdure-Faint">
              <Labels of={commit.id} />
              <Outcome of={commit} />
              <Time at={commit.started} />
              <span>{trans.__('took %1', seconds(commit.duration))}</span>
              <span>{trans.__('added %1', bytes(commit.bytes_added))}</span>
              <span title={commit.id}>{short(commit.id)}</span>
            </p>
            {commit.source ? (
              <pre className="perdure-Code" tabIndex={0}>
                {commit.source}
              </pre>
            ) : (
              <p className="perdure-Faint">
                {trans.__('Something other than a cell changed this: a widget, a thread or a timer.')}
              </p>
            )}
            <Outputs of={commit} />
            {commit.error ? <p className="perdure-Trouble">{commit.error}</p> : null}
            {commit.rolled_back ? <p className="perdure-Faint">{trans.__('It was rolled back.')}</p> : null}
            {commit.cot.length ? (
              <p>
                <Button
                  label={trans._n('%1 answer was asked for here', '%1 answers were asked for here', commit.cot.length)}
                  onClick={() => {
                    panel.tab = 'cache';
                    panel.cache.unfold(commit.cot[0]);
                  }}
                />
              </p>
            ) : null}
            <h4>{trans.__('What it changed')}</h4>
            <Changes of={commit.variables} at={commit.id} copy={!current} />
          </>
        )}
      </Waiting>
    </Frame>
  );
}

/** What the run showed, as far as the notebook still has it. */
function Outputs(props: { of: ICommit }): JSX.Element | null {
  const panel = usePanel();
  const { trans } = panel;
  const pictures = panel.pictures(props.of);
  if (!pictures.length) {
    return null;
  }
  const alt = (words: string): string =>
    words
      ? trans.__('Output of %1: %2', cellNumber(props.of), words)
      : trans.__('Picture that %1 put out', cellNumber(props.of));
  return (
    <div className="perdure-Outputs">
      {pictures.map(({ url, words }, index) => (
        <img key={index} src={url} alt={alt(words)} title={words || undefined} />
      ))}
    </div>
  );
}

function Side(props: { row: IRow }): JSX.Element {
  const panel = usePanel();
  return (
    <span className="perdure-Side">
      <button type="button" className="perdure-Name" onClick={() => panel.select(props.row.id)}>
        <code>
          {cellNumber(props.row)} {props.row.title}
        </code>
      </button>{' '}
      <span className="perdure-Faint">
        <Time at={props.row.started} />
      </span>
    </span>
  );
}

function Compare(props: { before: string; after: string }): JSX.Element {
  const panel = usePanel();
  const { trans, follower } = panel;
  const session = follower.session?.id ?? '';
  const loaded = useLoaded(`${session}/${props.before}/${props.after}`, () =>
    panel.api.diff(session, props.before, props.after)
  );
  return (
    <Frame title={trans.__('What differs')} label={trans.__('Two versions compared')}>
      <Waiting of={loaded}>
        {diff => (
          <>
            <dl className="perdure-Both">
              <dt>{trans.__('before')}</dt>
              <dd>
                <Side row={diff.before} />
              </dd>
              <dt>{trans.__('after')}</dt>
              <dd>
                <Side row={diff.after} />
              </dd>
            </dl>
            <p className="perdure-Faint" role="status">
              {trans._n('%1 variable differs', '%1 variables differ', diff.variables.length)}
            </p>
            <Changes of={diff.variables} at={diff.after.id} />
          </>
        )}
      </Waiting>
    </Frame>
  );
}

function Variable(props: { name: string; at: string }): JSX.Element {
  const panel = usePanel();
  const { trans, follower } = panel;
  const session = follower.session?.id ?? '';
  const loaded = useLoaded(`${session}/${props.name}/${props.at}`, () =>
    panel.api.variable(session, props.name, props.at)
  );
  return (
    <Frame title={trans.__('History of %1', props.name)} label={trans.__('History of a variable')}>
      <Waiting of={loaded}>
        {found => (
          <>
            {found.history.length ? (
              <p>
                <Button
                  label={trans.__('Find where this changed last')}
                  onClick={() => panel.select(found.history[0].id)}
                />
              </p>
            ) : (
              <p className="perdure-Faint">{trans.__('No version changed it.')}</p>
            )}
            <ol className="perdure-History">
              {found.history.map(each => (
                <li key={each.id}>
                  <div className="perdure-Changes-head">
                    <Side row={each} />
                    {follower.attached ? (
                      <>
                        <Button
                          label={trans.__('Copy')}
                          title={trans.__('Get a copy of this %1 beside today’s', props.name)}
                          onClick={() => void panel.copyBeside(props.name, each.id)}
                        />
                        <Button
                          label={trans.__('Put back')}
                          title={trans.__('Make %1 what it was here, and nothing else', props.name)}
                          onClick={() => void panel.restoreOnly(props.name, each.id)}
                        />
                      </>
                    ) : null}
                  </div>
                  <Value of={each.preview} />
                </li>
              ))}
            </ol>
          </>
        )}
      </Waiting>
    </Frame>
  );
}

/** The preview of a restore: what it would do, and what it can't, before anything is done. */
function Restore(props: { version: string; title: string }): JSX.Element {
  const panel = usePanel();
  const { trans, follower } = panel;
  const session = follower.session?.id ?? '';
  const fresh = !follower.attached;
  const [cells, setCells] = React.useState(false);
  const loaded = useLoaded(`${session}/${props.version}/${fresh}/${follower.session?.revision}`, async () => ({
    plan: await panel.api.plan(session, props.version, fresh),
    cells: await panel.cellsChanged(props.version).catch(() => null)
  }));
  return (
    <Frame title={trans.__('Restore %1?', props.title)} label={trans.__('Preview of the restore')}>
      <Waiting of={loaded}>
        {({ plan, cells: changed }) => {
          const count = (changed?.replaced ?? 0) + (changed?.added ?? 0);
          return (
            <>
              <p className="perdure-Faint">
                <Time at={plan.target.started + plan.target.duration} />{' '}
                {fresh
                  ? trans.__('The session comes into this kernel. No cell is run again.')
                  : trans.__('No cell is run again, and you can undo it.')}
              </p>
              <Plan of={plan} at={props.version} />
              <fieldset className="perdure-Choice">
                <legend>{trans.__('What goes back')}</legend>
                <label>
                  <input type="radio" name="perdure-what" checked={!cells} onChange={() => setCells(false)} />{' '}
                  {trans.__('Variables only')}
                </label>
                <label>
                  <input
                    type="radio"
                    name="perdure-what"
                    checked={cells}
                    disabled={!count}
                    onChange={() => setCells(true)}
                  />{' '}
                  {count
                    ? trans._n(
                        'Variables and notebook cells (%1 cell changes)',
                        'Variables and notebook cells (%1 cells change)',
                        count
                      )
                    : trans.__('Variables and notebook cells (the cells are the same)')}
                </label>
              </fieldset>
              <div className="perdure-Actions">
                <Button
                  primary
                  icon={backIcon}
                  label={trans.__('Restore')}
                  disabled={panel.working || (!doesSomething(plan) && !cells && follower.head === props.version)}
                  onClick={() => void panel.restore(props.version, cells)}
                />
                <Button label={trans.__('Cancel')} onClick={() => panel.select(props.version)} />
              </div>
              {follower.link?.busy ? (
                <p className="perdure-Faint" role="status">
                  {trans.__('A cell is running. The restore will wait until it has finished.')}
                </p>
              ) : null}
            </>
          );
        }}
      </Waiting>
    </Frame>
  );
}

function Plan(props: { of: IPlan; at: string }): JSX.Element {
  const { trans } = usePanel();
  const { comes, changes, goes, stays, missing } = groups(props.of);
  return (
    <div className="perdure-Plan">
      <Group
        sign="!"
        kind="not captured"
        rows={missing}
        at={props.at}
        open
        title={n => trans._n('%1 can’t come back', '%1 can’t come back', n)}
      />
      <Group
        sign="~"
        kind="changed"
        rows={changes}
        at={props.at}
        open
        title={n => trans._n('%1 changes', '%1 change', n)}
      />
      <Group
        sign="+"
        kind="added"
        rows={comes}
        at={props.at}
        open={comes.length <= 20}
        title={n => trans._n('%1 comes back', '%1 come back', n)}
      />
      <Group
        sign="−"
        kind="deleted"
        rows={goes}
        at={props.at}
        open
        title={n => trans._n('%1 goes away', '%1 go away', n)}
      />
      <Group
        sign="="
        kind="kept"
        rows={stays}
        at={props.at}
        title={n => trans._n('%1 stays as it is', '%1 stay as they are', n)}
      />
    </div>
  );
}

interface IGroupProps {
  sign: string;
  kind: string;
  rows: IPlanRow[];
  at: string;
  open?: boolean;
  title: (count: number) => string;
}

function Group(props: IGroupProps): JSX.Element | null {
  const { trans } = usePanel();
  if (!props.rows.length) {
    return null;
  }
  return (
    <details className="perdure-Group" open={props.open}>
      <summary>
        <span className="perdure-Sign" data-kind={props.kind} aria-hidden="true">
          {props.sign}
        </span>{' '}
        {props.title(props.rows.length)}
      </summary>
      <ul className="perdure-Changes">
        {props.rows.map(row => (
          <li key={row.name}>
            <div className="perdure-Changes-head">
              <VariableName name={row.name} at={props.at} />
            </div>
            {row.reason ? (
              <p className={row.action === 'not captured' ? 'perdure-Trouble' : 'perdure-Faint'}>{row.reason}</p>
            ) : null}
            {row.action === 'change' || (row.action === 'restore' && row.before) ? (
              <dl className="perdure-Both">
                <dt>{trans.__('now')}</dt>
                <dd>
                  <Value of={row.before} />
                </dd>
                <dt>{trans.__('then')}</dt>
                <dd>
                  <Value of={row.after} />
                </dd>
              </dl>
            ) : row.action === 'not captured' ? null : (
              <Value of={row.after ?? row.before} />
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

export async function newBranch(panel: PanelModel, ref: string): Promise<void> {
  const { trans } = panel;
  const { value } = await InputDialog.getText({
    title: trans.__('Start a branch at %1', panel.title(ref)),
    label: trans.__('Name of the branch'),
    okLabel: trans.__('Start'),
    required: true
  });
  if (value) {
    await panel.createBranch(value, ref);
  }
}

export async function newTag(panel: PanelModel, ref: string): Promise<void> {
  const { trans } = panel;
  const { value } = await InputDialog.getText({
    title: trans.__('Set a restore point at %1', panel.title(ref)),
    label: trans.__('Its name'),
    okLabel: trans.__('Set'),
    required: true
  });
  if (value) {
    await panel.createTag(value, ref);
  }
}
