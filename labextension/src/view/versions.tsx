/** The list of versions: lanes like a Git graph, a row for each commit, only those in sight rendered. */

import * as React from 'react';

import type { IRow } from '../api/types';
import { bytes, cellNumber, nameList } from '../logic/format';
import type { ILanes } from '../logic/graph';
import { rowByKey, scrollFor, visibleRows } from '../logic/window';
import type { IFilter } from '../model/panel';
import { Outcome, SearchInput, Time, usePanel, useTrans } from './common';

export const ROW_HEIGHT = 46;
const LANE = 12;
const MOST_LANES = 6;
const DOT = 15;

export function Versions(): JSX.Element {
  const panel = usePanel();
  return (
    <>
      <Search />
      {panel.found ? <FoundList /> : <AllList />}
    </>
  );
}

function Search(): JSX.Element {
  const panel = usePanel();
  const { trans } = panel;
  const apply = (change: Partial<IFilter>): void => panel.search({ ...panel.filter, ...change });
  return (
    <div className="perdure-Search" role="search">
      <SearchInput
        placeholder={trans.__('Search')}
        label={trans.__('Search versions by code, variable name, tag or branch')}
        sought={() => panel.filter.q}
        delay={200}
        onSearch={q => apply({ q })}
      />
      <select
        className="perdure-Input"
        aria-label={trans.__('Outcome')}
        value={panel.filter.outcome}
        onChange={event => apply({ outcome: event.target.value as IFilter['outcome'] })}
      >
        <option value="">{trans.__('All')}</option>
        <option value="ok">{trans.__('Succeeded')}</option>
        <option value="error">{trans.__('Failed')}</option>
        <option value="interrupted">{trans.__('Interrupted')}</option>
      </select>
    </div>
  );
}

function AllList(): JSX.Element {
  const { follower } = usePanel();
  return (
    <List
      total={follower.total}
      row={index => follower.row(index)}
      id={index => follower.commits[index]}
      need={(first, end) => follower.need({ first, end })}
      lanes={index => follower.lanes(index)}
      here={follower.commits.length}
    />
  );
}

function FoundList(): JSX.Element {
  const panel = usePanel();
  const { trans } = panel;
  const found = panel.found;
  const total = found?.rows.length ?? 0;
  return (
    <>
      <p className="perdure-Faint perdure-Count" role="status">
        {found ? trans._n('%1 version found', '%1 versions found', found.total) : ''}
      </p>
      <List
        total={total}
        row={index => found?.rows[index]}
        id={index => found?.rows[index]?.id}
        need={(_, end) => end >= total && void panel.more()}
      />
    </>
  );
}

interface IListProps {
  total: number;
  row: (index: number) => IRow | undefined;
  id: (index: number) => string | undefined;
  need: (first: number, end: number) => void;
  lanes?: (index: number) => ILanes | undefined;
  /** How many of the total are here, if not all are. */
  here?: number;
}

function List(props: IListProps): JSX.Element {
  const panel = usePanel();
  const { trans } = panel;
  const { total } = props;
  const box = React.useRef<HTMLDivElement>(null);
  const [top, setTop] = React.useState(0);
  const [height, setHeight] = React.useState(600);
  const [active, setActive] = React.useState(0);

  React.useEffect(() => {
    const element = box.current;
    if (!element) {
      return;
    }
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const rows = visibleRows(top, height, ROW_HEIGHT, total);
  React.useEffect(
    () => props.need(rows.first, rows.end),
    [rows.first, rows.end, total, props.here, panel.follower.session?.revision]
  );

  const reveal = (index: number): void => {
    const to = box.current && scrollFor(index, box.current.scrollTop, box.current.clientHeight, ROW_HEIGHT);
    if (box.current && typeof to === 'number') {
      box.current.scrollTop = to;
    }
  };
  const choose = (index: number, second: boolean): void => {
    setActive(index);
    const id = props.id(index);
    if (id === undefined) {
      return; // it is on its way
    }
    if (second) {
      panel.selectSecond(id);
    } else {
      panel.select(id);
    }
  };
  const onKey = (event: React.KeyboardEvent): void => {
    const to = rowByKey(event.key, active, total, Math.max(1, Math.floor(height / ROW_HEIGHT) - 1));
    if (to !== null) {
      setActive(to);
      reveal(to);
      const id = props.id(to);
      if (event.shiftKey && id !== undefined) {
        panel.selectSecond(id);
      }
    } else if (event.key === 'Enter' || event.key === ' ') {
      choose(active, event.ctrlKey || event.metaKey || event.shiftKey);
    } else if (event.key === 'Escape') {
      panel.closeView();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const drawn: JSX.Element[] = [];
  const width = props.lanes ? widthOf(props.lanes, rows.first, Math.min(rows.end, total)) : 0;
  for (let index = rows.first; index < Math.min(rows.end, total); index++) {
    drawn.push(
      <Row
        key={props.id(index) ?? index}
        index={index}
        total={total}
        row={props.row(index)}
        lanes={props.lanes?.(index)}
        lanesWidth={width}
        active={index === active}
        onChoose={second => choose(index, second)}
      />
    );
  }
  return (
    <div
      ref={box}
      className="perdure-List"
      role="listbox"
      aria-label={trans.__('Versions, newest first')}
      aria-multiselectable="true"
      aria-activedescendant={total ? rowId(Math.min(active, total - 1)) : undefined}
      tabIndex={0}
      onScroll={event => setTop(event.currentTarget.scrollTop)}
      onKeyDown={onKey}
    >
      <div className="perdure-List-room" role="presentation" style={{ height: total * ROW_HEIGHT }}>
        {drawn}
      </div>
    </div>
  );
}

const rowId = (index: number): string => `perdure-row-${index}`;

function widthOf(lanes: (index: number) => ILanes | undefined, first: number, end: number): number {
  let width = 1;
  for (let index = first; index < end; index++) {
    const row = lanes(index);
    if (row) {
      width = Math.max(width, row.lane + 1, ...row.through.map(lane => lane + 1), ...row.joins.map(lane => lane + 1));
    }
  }
  return Math.min(width, MOST_LANES);
}

interface IRowProps {
  index: number;
  total: number;
  row: IRow | undefined;
  lanes: ILanes | undefined;
  lanesWidth: number;
  active: boolean;
  onChoose: (second: boolean) => void;
}

function Row(props: IRowProps): JSX.Element {
  const panel = usePanel();
  const trans = useTrans();
  const { index, row, lanes } = props;
  const refs = panel.follower.session?.refs;
  const current = row !== undefined && row.id === refs?.head;
  const selected = row !== undefined && panel.selection.includes(row.id);
  const names = row
    ? [...row.changed, ...row.deleted.map(name => `−${name}`), ...row.not_captured.map(name => `!${name}`)]
    : [];
  return (
    <div
      id={rowId(index)}
      className="perdure-Row"
      role="option"
      aria-selected={selected}
      aria-setsize={props.total}
      aria-posinset={index + 1}
      aria-current={current ? 'true' : undefined}
      data-active={props.active || undefined}
      data-commit={row?.id}
      style={{ top: index * ROW_HEIGHT, height: ROW_HEIGHT }}
      onClick={event => props.onChoose(event.ctrlKey || event.metaKey || event.shiftKey)}
      onDoubleClick={() => row && panel.preview(row.id)}
    >
      {lanes ? <Lanes of={lanes} width={props.lanesWidth} current={current} /> : null}
      {row ? (
        <div className="perdure-Row-text">
          <div className="perdure-Row-line">
            <span className="perdure-Number">{cellNumber(row)}</span>
            <code className="perdure-Row-code" title={row.title}>
              {row.title || trans.__('(changed outside a cell)')}
            </code>
            {current ? (
              <span className="perdure-Badge perdure-mod-now">
                {panel.follower.attached ? trans.__('now') : trans.__('saved')}
              </span>
            ) : null}
          </div>
          <div className="perdure-Row-line perdure-Faint">
            <Labels of={row.id} />
            <Outcome of={row} />
            <span className="perdure-Row-names">{nameList(names, 60)}</span>
            <span className="perdure-Row-facts">
              {row.bytes_added ? <span>{bytes(row.bytes_added)}</span> : null}
              <Time at={row.started} />
            </span>
          </div>
        </div>
      ) : (
        <div className="perdure-Row-text perdure-Faint">…</div>
      )}
    </div>
  );
}

/** The branches and tags at a commit. */
export function Labels(props: { of: string }): JSX.Element {
  const { follower } = usePanel();
  const trans = useTrans();
  const refs = follower.session?.refs;
  const at = (names: Record<string, string> | undefined): string[] =>
    Object.entries(names ?? {}).flatMap(([name, commit]) => (commit === props.of ? [name] : []));
  return (
    <>
      {at(refs?.branches).map(name => (
        <span key={`b${name}`} className="perdure-Label" title={trans.__('Branch %1', name)}>
          {name}
        </span>
      ))}
      {at(refs?.tags).map(name => (
        <span key={`t${name}`} className="perdure-Label perdure-mod-tag" title={trans.__('Restore point %1', name)}>
          ⚑ {name}
        </span>
      ))}
    </>
  );
}

function Lanes(props: { of: ILanes; width: number; current: boolean }): JSX.Element {
  const { lane, through, joins, up, down } = props.of;
  const x = (at: number): number => Math.min(at, MOST_LANES - 1) * LANE + LANE / 2 + 2;
  const colour = (at: number): string => `perdure-lane-${at % 5}`;
  return (
    <svg className="perdure-Lanes" width={props.width * LANE + 4} height={ROW_HEIGHT} aria-hidden="true">
      {through.map(at => (
        <path key={`p${at}`} className={colour(at)} d={`M${x(at)} 0V${ROW_HEIGHT}`} />
      ))}
      {up ? <path className={colour(lane)} d={`M${x(lane)} 0V${DOT}`} /> : null}
      {down ? <path className={colour(lane)} d={`M${x(lane)} ${DOT}V${ROW_HEIGHT}`} /> : null}
      {joins.map(at => (
        <path key={`j${at}`} className={colour(at)} d={`M${x(at)} 0C${x(at)} ${DOT} ${x(lane)} 2 ${x(lane)} ${DOT}`} />
      ))}
      <circle
        className={`perdure-dot ${colour(lane)}`}
        cx={x(lane)}
        cy={DOT}
        r={props.current ? 4.5 : 3.5}
        data-current={props.current || undefined}
      />
    </svg>
  );
}
