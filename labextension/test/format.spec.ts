import { bytes, cellNumber, kindOf, moment, money, nameList, percent, seconds } from '../src/logic/format';

test('sizes', () => {
  expect([0, 999, 1000, 1_234_567, 50_000_000, 320_000_000].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.2 MB',
    '50.0 MB',
    '320 MB'
  ]);
});

test('spans', () => {
  expect([0.0004, 0.25, 12.34, 75, 3725].map(seconds)).toEqual(['0 ms', '250 ms', '12.3 s', '1 min 15 s', '1 h 2 min']);
});

test('sums and shares', () => {
  expect([0, 0.0012, 1.5].map(money)).toEqual(['$0', '$0.0012', '$1.50']);
  expect([0, 0.011, 0.5, 1].map(percent)).toEqual(['0 %', '1.1 %', '50 %', '100 %']);
});

test('times: the clock today, the day within a week, else the date', () => {
  const noon = new Date(2026, 10, 28, 12, 0).getTime() / 1000;
  expect(moment(new Date(2026, 10, 28, 9, 41).getTime() / 1000, noon)).toBe('09:41');
  expect(moment(new Date(2026, 10, 26, 9, 41).getTime() / 1000, noon)).toMatch(/^\S+ 09:41$/);
  expect(moment(new Date(2026, 9, 2, 9, 41).getTime() / 1000, noon)).toBe('2026-10-02 09:41');
});

test('names in a line', () => {
  expect(nameList(['a', 'b'])).toBe('a, b');
  expect(nameList(['orders', 'customers', 'totals'], 20)).toBe('orders, customers +1');
  expect(nameList(['averylongnameindeed'], 5)).toBe('averylongnameindeed');
  expect(nameList([])).toBe('');
});

test('values and cells in a word', () => {
  expect(kindOf({ type: 'pandas.DataFrame', repr: '', shape: [200000, 2] })).toBe('DataFrame 200,000 × 2');
  expect(kindOf({ type: 'numpy.ndarray', repr: '', shape: [3], dtype: 'float64' })).toBe('ndarray 3 float64');
  expect(kindOf({ type: 'list', repr: '', length: 4 })).toBe('list (4)');
  expect(kindOf({ type: 'torch.Tensor', repr: '', shape: [2], dtype: 'float32', device: 'cuda:0' })).toBe(
    'Tensor 2 float32 cuda:0'
  );
  expect(cellNumber({ execution_count: 12 })).toBe('[12]');
  expect(cellNumber({ execution_count: null })).toBe('[–]');
});
