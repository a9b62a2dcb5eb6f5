import { type IRun, type IRunCell, picturesOf } from '../src/logic/outputs';

const run: IRun = { cell_id: 'a', execution_count: 3, source: 'draw()' };
const png = (name: string): object => ({
  data: { 'image/png': `${name}\n`, 'text/plain': ['<Figure with ', '1 Axes>'] }
});
const cell = (outputs: readonly object[], given: Partial<IRunCell> = {}): IRunCell => ({
  id: 'a',
  source: 'draw()',
  execution_count: 3,
  outputs,
  ...given
});

test('the pictures of the cell that ran, with their words', () => {
  const other = cell([png('bbbb')], { id: 'b' });
  expect(picturesOf(run, [other, cell([{ data: { 'text/plain': '3' } }, png('aaaa')])], true)).toEqual([
    { url: 'data:image/png;base64,aaaa', words: '<Figure with 1 Axes>' }
  ]);
});

test('nothing of another run, of another cell, or of what no cell did', () => {
  expect(picturesOf(run, [cell([png('aaaa')], { execution_count: 4 })], true)).toEqual([]);
  expect(picturesOf(run, [cell([png('aaaa')], { execution_count: null })], true)).toEqual([]);
  expect(picturesOf(run, [cell([png('aaaa')], { id: 'b' })], true)).toEqual([]);
  expect(picturesOf({ ...run, cell_id: null }, [cell([png('aaaa')])], true)).toEqual([]);
  const silent = { ...run, execution_count: null };
  expect(picturesOf(silent, [cell([png('aaaa')], { execution_count: null })], true)).toEqual([]);
});

test('in another kernel the same number is the same run only with the same code', () => {
  const edited = [cell([png('aaaa')], { source: 'draw(2)' })];
  expect(picturesOf(run, edited, true)).toHaveLength(1);
  expect(picturesOf(run, edited, false)).toEqual([]);
  expect(picturesOf(run, [cell([png('aaaa')])], false)).toHaveLength(1);
});

test('three at most, one for each output, vector graphics as a picture that can run nothing', () => {
  const svg = { data: { 'image/svg+xml': ['<svg xmlns="x">', '<path/></svg>'] } };
  const both = { data: { 'image/svg+xml': '<svg/>', 'image/png': 'cccc' } };
  const jpeg = { data: { 'image/jpeg': 'dddd' } };
  const stream = { output_type: 'stream', text: 'hello' };
  expect(picturesOf(run, [cell([stream, svg, both, jpeg, png('eeee')])], true)).toEqual([
    { url: 'data:image/svg+xml;charset=utf-8,%3Csvg%20xmlns%3D%22x%22%3E%3Cpath%2F%3E%3C%2Fsvg%3E', words: '' },
    { url: 'data:image/png;base64,cccc', words: '' },
    { url: 'data:image/jpeg;base64,dddd', words: '' }
  ]);
});
