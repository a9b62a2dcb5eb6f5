/** What several views share: buttons, values, what is being loaded. */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IChange, IPreview, IRow } from '../api/types';
import { bytes, kindOf, moment } from '../logic/format';
import type { PanelModel } from '../model/panel';

/** The panel's model, for every view in it. */
export const Panel = React.createContext<PanelModel | null>(null);

export function usePanel(): PanelModel {
  const panel = React.useContext(Panel);
  if (!panel) {
    throw new Error('A view of perdure stands outside of its panel.');
  }
  return panel;
}

export function useTrans(): TranslationBundle {
  return usePanel().trans;
}

interface IButtonProps {
  label: string;
  onClick: () => void;
  icon?: LabIcon;
  /** Only the icon is seen; the label is its name. */
  bare?: boolean;
  primary?: boolean;
  danger?: boolean;
  disabled?: boolean;
  pressed?: boolean;
  title?: string;
}

export function Button(props: IButtonProps): JSX.Element {
  const { label, onClick, icon: Icon, bare, primary, danger, disabled, pressed, title } = props;
  const classes = ['perdure-Button'];
  if (bare) {
    classes.push('perdure-mod-bare');
  }
  if (primary) {
    classes.push('perdure-mod-primary');
  }
  if (danger) {
    classes.push('perdure-mod-danger');
  }
  return (
    <button
      type="button"
      className={classes.join(' ')}
      onClick={event => {
        event.stopPropagation();
        onClick();
      }}
      disabled={disabled}
      aria-pressed={pressed}
      aria-label={bare ? label : undefined}
      title={title ?? (bare ? label : undefined)}
    >
      {Icon ? <Icon.react tag="span" className="perdure-Icon" /> : null}
      {bare ? null : label}
    </button>
  );
}

export type Loaded<T> = { state: 'loading' } | { state: 'failed'; message: string } | { state: 'here'; value: T };

/** Something fetched, again whenever `key` is another. Keeps what was there until the new is. */
export function useLoaded<T>(key: string, load: () => Promise<T>): Loaded<T> {
  const [loaded, setLoaded] = React.useState<Loaded<T>>({ state: 'loading' });
  React.useEffect(() => {
    let current = true;
    load().then(
      value => current && setLoaded({ state: 'here', value }),
      (error: unknown) =>
        current && setLoaded({ state: 'failed', message: error instanceof Error ? error.message : String(error) })
    );
    return () => {
      current = false;
    };
  }, [key]);
  return loaded;
}

export function Waiting<T>(props: { of: Loaded<T>; children: (value: T) => React.ReactNode }): JSX.Element {
  const trans = useTrans();
  switch (props.of.state) {
    case 'loading':
      return <p className="perdure-Faint">{trans.__('Loading…')}</p>;
    case 'failed':
      return (
        <p className="perdure-Trouble" role="alert">
          {props.of.message}
        </p>
      );
    case 'here':
      return <>{props.children(props.of.value)}</>;
  }
}

interface ISearchInputProps {
  placeholder: string;
  label: string;
  /** What is being searched for now. */
  sought: () => string;
  /** Milliseconds after the last key. */
  delay: number;
  onSearch: (q: string) => void;
}

/** A field that searches once its user has paused. */
export function SearchInput(props: ISearchInputProps): JSX.Element {
  const [typed, setTyped] = React.useState(props.sought());
  React.useEffect(() => {
    const timer = setTimeout(() => typed !== props.sought() && props.onSearch(typed), props.delay);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <input
      type="search"
      className="perdure-Input"
      placeholder={props.placeholder}
      aria-label={props.label}
      value={typed}
      onChange={event => setTyped(event.target.value)}
    />
  );
}

/** The time of a version; the full date is its tooltip. */
export function Time(props: { at: number }): JSX.Element {
  const date = new Date(props.at * 1000);
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString()}>
      {moment(props.at)}
    </time>
  );
}

/** A value in brief: its kind, its words, and the first rows of a table. */
export function Value(props: { of: IPreview | null }): JSX.Element {
  const trans = useTrans();
  const { of } = props;
  if (!of) {
    return <span className="perdure-Faint">{trans.__('not there')}</span>;
  }
  const table = of.columns && Array.isArray(of.head) && Array.isArray(of.head[0]) ? (of.head as string[][]) : null;
  return (
    <span className="perdure-Value">
      <span className="perdure-Value-kind">
        {kindOf(of)}
        {of.size !== undefined && of.size > 4096 ? `, ${bytes(of.size)}` : ''}
      </span>
      {of.thumbnail?.startsWith('data:image/png;base64,') ? (
        <img className="perdure-Picture" src={of.thumbnail} alt={of.repr} />
      ) : null}
      {table ? <Table columns={of.columns ?? []} rows={table} /> : <code title={of.repr}>{of.repr}</code>}
    </span>
  );
}

function Table(props: { columns: [string, string][]; rows: string[][] }): JSX.Element {
  const width = Math.max(0, ...props.rows.map(row => row.length));
  const more = props.columns.length > width;
  return (
    <span className="perdure-Table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {props.columns.slice(0, width).map(([name, dtype]) => (
              <th key={name} scope="col" title={dtype}>
                {name}
              </th>
            ))}
            {more ? <th scope="col">…</th> : null}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
              {more ? <td>…</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </span>
  );
}

const SIGN: Record<string, string> = { added: '+', changed: '~', deleted: '−', 'not captured': '!' };

/** How variables differ: each with its sign, in words, and both values. */
export function Changes(props: { of: readonly IChange[]; at: string; copy?: boolean }): JSX.Element {
  const panel = usePanel();
  const { trans } = panel;
  const words: Record<string, string> = {
    added: trans.__('new'),
    changed: trans.__('changed'),
    deleted: trans.__('deleted'),
    'not captured': trans.__('could not be captured')
  };
  if (!props.of.length) {
    return <p className="perdure-Faint">{trans.__('No variable differs.')}</p>;
  }
  return (
    <ul className="perdure-Changes">
      {props.of.map(change => (
        <li key={change.name} data-kind={change.kind}>
          <div className="perdure-Changes-head">
            <span className="perdure-Sign" data-kind={change.kind} aria-hidden="true">
              {SIGN[change.kind]}
            </span>
            <VariableName name={change.name} at={props.at} />
            <span className="perdure-Faint">{words[change.kind] ?? change.kind}</span>
            {props.copy && change.after && change.kind !== 'deleted' && panel.follower.attached ? (
              <Button
                label={trans.__('Copy')}
                title={trans.__('Get a copy of this %1 beside today’s', change.name)}
                onClick={() => void panel.copyBeside(change.name, props.at)}
              />
            ) : null}
          </div>
          {change.reason ? <p className="perdure-Trouble">{change.reason}</p> : null}
          {change.kind === 'changed' ? (
            <dl className="perdure-Both">
              <dt>{trans.__('before')}</dt>
              <dd>
                <Value of={change.before} />
              </dd>
              <dt>{trans.__('after')}</dt>
              <dd>
                <Value of={change.after} />
              </dd>
            </dl>
          ) : change.kind === 'deleted' ? (
            <Value of={change.before} />
          ) : change.after ? (
            <Value of={change.after} />
          ) : null}
        </li>
      ))}
    </ul>
  );
}

/** A variable's name; it leads to its history, whose last steps show while the pointer rests on it. */
export function VariableName(props: { name: string; at: string }): JSX.Element {
  const panel = usePanel();
  const { trans } = panel;
  const [hint, setHint] = React.useState('');
  const ask = (): void => {
    const session = panel.follower.session;
    if (hint || !session) {
      return;
    }
    panel.api.variable(session.id, props.name, props.at, 5).then(
      found => setHint(found.history.map(each => `${moment(each.started)}  ${each.preview?.repr ?? '–'}`).join('\n')),
      () => undefined
    );
  };
  return (
    <button
      type="button"
      className="perdure-Name"
      onMouseEnter={ask}
      onFocus={ask}
      onClick={() => (panel.view = { kind: 'variable', name: props.name, ref: props.at })}
      title={hint || trans.__('History of %1', props.name)}
    >
      <code>{props.name}</code>
    </button>
  );
}

/** How a cell ended, in words: never by colour alone. Nothing for one that went well. */
export function Outcome(props: { of: IRow }): JSX.Element | null {
  const trans = useTrans();
  if (props.of.outcome === 'ok') {
    return null;
  }
  return (
    <span className="perdure-Outcome" data-outcome={props.of.outcome}>
      <span aria-hidden="true">{props.of.outcome === 'error' ? '✕' : '◼'}</span>{' '}
      {props.of.outcome === 'error' ? trans.__('failed') : trans.__('interrupted')}
    </span>
  );
}
