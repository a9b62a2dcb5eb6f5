import type { IPlan, IPlanRow, IReport, IRow } from '../src/api/types';
import { doesSomething, groups, outcome } from '../src/logic/plan';

const value = { type: 'int', repr: '1' };
const row = (name: string, action: IPlanRow['action'], before: IPlanRow['before'] = null): IPlanRow => ({
  name,
  action,
  before,
  after: value
});
const plan = (...rows: IPlanRow[]): IPlan => ({ target: {} as IRow, rows });

test('a preview is grouped by what happens', () => {
  const found = groups(
    plan(
      row('a', 'restore'),
      row('b', 'change', value),
      row('c', 'delete', value),
      row('d', 'keep'),
      row('e', 'not captured')
    )
  );
  const names = Object.fromEntries(
    Object.entries(found).map(([key, rows]) => [key, rows.map((each: IPlanRow) => each.name)])
  );
  expect(names).toEqual({ comes: ['a'], changes: ['b'], goes: ['c'], stays: ['d'], missing: ['e'] });
});

test('nothing to do is known', () => {
  expect(doesSomething(plan(row('d', 'keep'), row('e', 'not captured')))).toBe(false);
  expect(doesSomething(plan(row('a', 'restore')))).toBe(true);
});

test('a report is counted without the names that IPython binds', () => {
  const names = [
    ['df', 'restored', ''],
    ['_', 'restored', ''],
    ['_12', 'restored', ''],
    ['In', 'restored', ''],
    ['x', 'unchanged', ''],
    ['old', 'deleted', ''],
    ['queue', 'could not be captured', 'a generator']
  ].map(([name, status, note]) => ({ name, status, note, type: '' }));
  const report: IReport = { title: '', head: null, seconds: 0, names, warnings: [] };
  expect(outcome(report)).toEqual({ done: 2, same: 1, missing: [{ name: 'queue', note: 'a generator' }] });
});
