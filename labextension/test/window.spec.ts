import { pagesOf, rowByKey, scrollFor, visibleRows } from '../src/logic/window';

test('only the rows in sight, and a few spare ones', () => {
  expect(visibleRows(0, 460, 46, 10_000, 8)).toEqual({ first: 0, end: 18 });
  expect(visibleRows(46_000, 460, 46, 10_000, 8)).toEqual({ first: 992, end: 1018 });
  expect(visibleRows(0, 460, 46, 3)).toEqual({ first: 0, end: 3 });
  expect(visibleRows(0, 460, 46, 0)).toEqual({ first: 0, end: 0 });
});

test('pages that rows are on', () => {
  expect(pagesOf({ first: 0, end: 100 }, 100)).toEqual([0]);
  expect(pagesOf({ first: 99, end: 201 }, 100)).toEqual([0, 1, 2]);
  expect(pagesOf({ first: 0, end: 0 }, 100)).toEqual([]);
});

test('scrolls only as far as needed', () => {
  expect(scrollFor(0, 100, 460, 46)).toBe(0);
  expect(scrollFor(5, 0, 460, 46)).toBeNull();
  expect(scrollFor(10, 0, 460, 46)).toBe(46);
});

test('keys move within the list', () => {
  expect(rowByKey('ArrowDown', 3, 5, 10)).toBe(4);
  expect(rowByKey('ArrowDown', 4, 5, 10)).toBe(4);
  expect(rowByKey('PageUp', 3, 5, 10)).toBe(0);
  expect(rowByKey('End', 0, 5, 10)).toBe(4);
  expect(rowByKey('a', 0, 5, 10)).toBeNull();
  expect(rowByKey('Home', 0, 0, 10)).toBeNull();
});
