/** A restore's preview, grouped by what a reader wants to know first. */

import type { IPlan, IPlanRow, IReport } from '../api/types';

export interface IPlanGroups {
  comes: IPlanRow[];
  changes: IPlanRow[];
  goes: IPlanRow[];
  stays: IPlanRow[];
  missing: IPlanRow[];
}

export function groups(plan: IPlan): IPlanGroups {
  const of = (...actions: string[]): IPlanRow[] => plan.rows.filter(row => actions.includes(row.action));
  return {
    comes: of('restore').filter(row => row.before === null),
    changes: [...of('change'), ...of('restore').filter(row => row.before !== null)],
    goes: of('delete'),
    stays: of('keep'),
    missing: of('not captured')
  };
}

/** Whether going there would do anything. */
export function doesSomething(plan: IPlan): boolean {
  return plan.rows.some(row => row.action !== 'keep' && row.action !== 'not captured');
}

/** Names that IPython binds, or state of the process that goes along with a version. */
const ECHO = /^(_{1,3}|_\d+|Out\[\d+\]|<.*>|In|Out|_i{1,3}|_i\d+|_[dio]h)$/;

export interface IOutcome {
  done: number;
  same: number;
  missing: { name: string; note: string }[];
}

/** What a report counts, without the names that IPython binds. */
export function outcome(report: IReport): IOutcome {
  const names = report.names.filter(each => !ECHO.test(each.name));
  return {
    done: names.filter(each => each.status === 'restored' || each.status === 'deleted').length,
    same: names.filter(each => each.status === 'unchanged').length,
    missing: names
      .filter(each => each.status.startsWith('could not'))
      .map(each => ({ name: each.name, note: each.note }))
  };
}
