/** Branches and restore points: where they are, and going there. */

import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { closeIcon, editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { branchIcon, tagIcon } from '../icons';
import type { PanelModel } from '../model/panel';
import { Button, Time, usePanel } from './common';
import { newBranch, newTag } from './detail';

export function Branches(): JSX.Element {
  const panel = usePanel();
  const { trans, follower } = panel;
  const refs = follower.session?.refs;
  if (!refs) {
    return <></>;
  }
  const can = follower.attached && !panel.working;
  const head = follower.head;
  const byName = (a: [string, string], b: [string, string]): number => a[0].localeCompare(b[0]);
  return (
    <div className="perdure-Scroll" tabIndex={0}>
      {follower.attached ? null : (
        <p className="perdure-Faint">
          {trans.__('To switch or to name versions, restore the session into a kernel first.')}
        </p>
      )}
      <section aria-labelledby="perdure-branches">
        <header className="perdure-Section-head">
          <h3 id="perdure-branches">{trans.__('Branches')}</h3>
          <Button
            icon={branchIcon}
            label={trans.__('New…')}
            disabled={!can || !head}
            onClick={() => head && void newBranch(panel, head)}
          />
        </header>
        <ul className="perdure-Refs">
          {Object.entries(refs.branches)
            .sort(byName)
            .map(([name, commit]) => {
              const current = name === refs.branch;
              const behind = current && commit !== head;
              return (
                <li key={name} data-branch={name} aria-current={current ? 'true' : undefined}>
                  <div className="perdure-Changes-head">
                    <strong>{name}</strong>
                    {current ? (
                      <span className="perdure-Badge perdure-mod-now">
                        {behind ? trans.__('current, behind its tip') : trans.__('current')}
                      </span>
                    ) : null}
                    <span className="perdure-Spring" />
                    {current && !behind ? null : (
                      <Button
                        label={trans.__('Switch')}
                        title={trans.__('Switch to %1', name)}
                        disabled={!can}
                        onClick={() => void panel.switchBranch(name)}
                      />
                    )}
                    {commit !== head && head ? (
                      <Button
                        label={trans.__('Compare')}
                        title={trans.__('What differs between %1 and now', name)}
                        onClick={() => {
                          panel.compare(commit, head);
                          panel.tab = 'versions';
                        }}
                      />
                    ) : null}
                  </div>
                  <Tip commit={commit}>
                    <Button
                      bare
                      icon={editIcon}
                      label={trans.__('Rename %1…', name)}
                      disabled={!can || behind}
                      onClick={() => void rename(panel, name)}
                    />
                    {current ? null : (
                      <Button
                        bare
                        icon={closeIcon}
                        label={trans.__('Forget %1…', name)}
                        disabled={!can}
                        onClick={() => void forget(panel, name, 'branch')}
                      />
                    )}
                  </Tip>
                </li>
              );
            })}
        </ul>
      </section>
      <section aria-labelledby="perdure-tags">
        <header className="perdure-Section-head">
          <h3 id="perdure-tags">{trans.__('Restore points')}</h3>
          <Button
            icon={tagIcon}
            label={trans.__('New…')}
            disabled={!can || !head}
            onClick={() => head && void newTag(panel, head)}
          />
        </header>
        {Object.keys(refs.tags).length ? null : (
          <p className="perdure-Faint">
            {trans.__('None yet. Set one before you try something: it keeps its version, and its name.')}
          </p>
        )}
        <ul className="perdure-Refs">
          {Object.entries(refs.tags)
            .sort(byName)
            .map(([name, commit]) => (
              <li key={name}>
                <div className="perdure-Changes-head">
                  <strong>⚑ {name}</strong>
                  <span className="perdure-Spring" />
                  <Button
                    label={trans.__('Restore…')}
                    title={trans.__('Restore %1…', name)}
                    onClick={() => {
                      panel.preview(commit);
                      panel.tab = 'versions';
                    }}
                  />
                </div>
                <Tip commit={commit}>
                  <Button
                    bare
                    icon={closeIcon}
                    label={trans.__('Forget %1…', name)}
                    disabled={!can}
                    onClick={() => void forget(panel, name, 'tag')}
                  />
                </Tip>
              </li>
            ))}
        </ul>
      </section>
    </div>
  );
}

function Tip(props: { commit: string; children: React.ReactNode }): JSX.Element {
  const panel = usePanel();
  const { follower } = panel;
  const index = follower.indexOf(props.commit);
  const row = follower.row(index);
  React.useEffect(() => {
    if (index >= 0 && !row) {
      follower.need({ first: index, end: index + 1 });
    }
  }, [index, row]);
  return (
    <div className="perdure-Row-line perdure-Tip">
      <button
        type="button"
        className="perdure-Name"
        onClick={() => {
          panel.select(props.commit);
          panel.tab = 'versions';
        }}
      >
        <code>{panel.title(props.commit)}</code>
      </button>
      {row ? (
        <span className="perdure-Faint">
          <Time at={row.started} />
        </span>
      ) : null}
      <span className="perdure-Spring" />
      {props.children}
    </div>
  );
}

async function rename(panel: PanelModel, old: string): Promise<void> {
  const { trans } = panel;
  const { value } = await InputDialog.getText({
    title: trans.__('Rename the branch “%1”', old),
    label: trans.__('New name'),
    text: old,
    okLabel: trans.__('Rename'),
    required: true
  });
  if (value && value !== old) {
    await panel.renameBranch(old, value);
  }
}

async function forget(panel: PanelModel, name: string, kind: 'branch' | 'tag'): Promise<void> {
  const { trans } = panel;
  const answer = await showDialog({
    title:
      kind === 'branch' ? trans.__('Forget the branch “%1”?', name) : trans.__('Forget the restore point “%1”?', name),
    body: trans.__(
      'What only it reaches is kept for 30 days more, and then dropped when the store is tidied (perdure gc).'
    ),
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: trans.__('Forget') })]
  });
  if (answer.button.accept) {
    await (kind === 'branch' ? panel.deleteBranch(name) : panel.deleteTag(name));
  }
}
