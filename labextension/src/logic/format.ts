/** Sizes, times, sums and values in words for people. */

import type { IPreview, IRow } from '../api/types';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytes(count: number): string {
  let unit = 0;
  let left = count;
  while (left >= 1000 && unit < UNITS.length - 1) {
    left /= 1000;
    unit++;
  }
  return `${unit === 0 || left >= 100 ? Math.round(left) : left.toFixed(1)} ${UNITS[unit]}`;
}

export function seconds(span: number): string {
  if (span < 1) {
    return `${Math.round(span * 1000)} ms`;
  }
  if (span < 60) {
    return `${span.toFixed(1)} s`;
  }
  const minutes = Math.floor(span / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(span % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function money(dollars: number): string {
  if (dollars === 0) {
    return '$0';
  }
  return dollars < 0.01 ? `$${dollars.toFixed(4)}` : `$${dollars.toFixed(2)}`;
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** `09:41` today, `Mon 09:41` within six days, else `2026-11-02 09:41`. */
export function moment(time: number, now: number = Date.now() / 1000): string {
  const then = new Date(time * 1000);
  const today = new Date(now * 1000);
  const clock = `${two(then.getHours())}:${two(then.getMinutes())}`;
  if (then.toDateString() === today.toDateString()) {
    return clock;
  }
  if (now - time < 6 * 86400 && now > time) {
    return `${then.toLocaleDateString(undefined, { weekday: 'short' })} ${clock}`;
  }
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${clock}`;
}

/** `[12]`, or a dash for what no numbered cell did. */
export function cellNumber(row: Pick<IRow, 'execution_count'>): string {
  return row.execution_count === null ? '[–]' : `[${row.execution_count}]`;
}

/** `a, b, c and 4 more`, in about so many characters. */
export function nameList(names: readonly string[], room = 40): string {
  const shown: string[] = [];
  let length = 0;
  for (const name of names) {
    length += name.length + 2;
    if (shown.length && length > room) {
      break;
    }
    shown.push(name);
  }
  const left = names.length - shown.length;
  return left > 0 ? `${shown.join(', ')} +${left}` : shown.join(', ');
}

/** What a value is, in a word or two: `DataFrame 3 × 2`, `float64 1,000`, `list of 4`. */
export function kindOf(preview: IPreview): string {
  const type = preview.type.slice(preview.type.lastIndexOf('.') + 1);
  const parts = [type];
  if (preview.shape?.length) {
    parts.push(preview.shape.map(size => size.toLocaleString('en-US')).join(' × '));
  } else if (preview.length !== undefined && preview.length !== null) {
    parts.push(`(${preview.length.toLocaleString('en-US')})`);
  }
  if (preview.dtype) {
    parts.push(preview.dtype);
  }
  if (preview.device && preview.device !== 'cpu') {
    parts.push(preview.device);
  }
  return parts.join(' ');
}

/** A session's or commit's id as people see it. */
export function short(id: string): string {
  return id.slice(0, 8);
}
