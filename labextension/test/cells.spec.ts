import type { IVersionCell } from '../src/api/types';
import { cellSteps, type ICellStep, type ICurrentCell } from '../src/logic/cells';

const was = (cell_id: string | null, source: string): IVersionCell => ({
  cell_id,
  source,
  execution_count: 1,
  commit: 'c'
});
const code = (id: string, source: string): ICurrentCell => ({ id, type: 'code', source });
const text = (id: string): ICurrentCell => ({ id, type: 'markdown', source: '# Text' });

/** The sources after the steps have been done. */
function done(steps: readonly ICellStep[], now: readonly ICurrentCell[]): string[] {
  const sources = now.map(cell => cell.source);
  for (const step of steps) {
    sources.splice(step.index, step.kind === 'replace' ? 1 : 0, step.source);
  }
  return sources;
}

test('cells that are as they were stay', () => {
  expect(cellSteps([was('a', 'x = 1')], [code('a', 'x = 1'), text('t')])).toEqual([]);
});

test('a cell that was edited gets its code back', () => {
  const now = [text('t'), code('a', 'x = 10'), code('b', 'y = 2')];
  const steps = cellSteps([was('a', 'x = 1'), was('b', 'y = 2')], now);
  expect(steps).toEqual([{ kind: 'replace', index: 1, id: 'a', source: 'x = 1', execution_count: 1 }]);
});

test('a cell that was deleted comes back behind the one that ran before it', () => {
  const now = [code('a', 'x = 1'), text('t'), code('c', 'z = 30')];
  const steps = cellSteps([was('a', 'x = 1'), was('b', 'y = 2'), was('c', 'z = 3')], now);
  expect(done(steps, now)).toEqual(['x = 1', 'y = 2', '# Text', 'z = 3']);
});

test('cells without an id are known by their code', () => {
  const now = [code('a', 'x = 1'), code('b', 'x = 1')];
  expect(cellSteps([was(null, 'x = 1'), was(null, 'x = 1')], now)).toEqual([]);
  expect(done(cellSteps([was(null, 'y = 2')], now), now)).toEqual(['y = 2', 'x = 1', 'x = 1']);
});

test('text, and code that had not been run, is never taken away', () => {
  const now = [text('t'), code('new', 'z = 3')];
  expect(done(cellSteps([was('a', 'x = 1'), was('b', 'y = 2')], now), now)).toEqual([
    'x = 1',
    'y = 2',
    '# Text',
    'z = 3'
  ]);
});
