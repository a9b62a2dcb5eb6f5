import { LaneLayout } from '../src/logic/graph';

/** Every line that leaves a row downwards is the one that reaches the next row from above. */
function connected(layout: LaneLayout): void {
  for (let index = 0; index + 1 < layout.length; index++) {
    const above = layout.row(index);
    const below = layout.row(index + 1);
    const leaving = new Set([...above.through, ...(above.down ? [above.lane] : [])]);
    const arriving = new Set([...below.through, ...below.joins, ...(below.up ? [below.lane] : [])]);
    if (!below.up && below.down) {
      // A tip begins here; its lane leads down and comes from nowhere.
      arriving.delete(below.lane);
    }
    expect([...arriving].sort()).toEqual([...leaving].sort());
  }
}

test('a line stays in one lane', () => {
  const layout = new LaneLayout([1, 2, 3, -1]);
  expect([0, 1, 2, 3].map(index => layout.row(index).lane)).toEqual([0, 0, 0, 0]);
  expect(layout.row(0)).toEqual({ lane: 0, through: [], joins: [], up: false, down: true });
  expect(layout.row(3)).toEqual({ lane: 0, through: [], joins: [], up: true, down: false });
  connected(layout);
});

test('a branch has a lane of its own until the commit that it started from', () => {
  // 0 and 2 are tips; both lead to 3.
  const layout = new LaneLayout([1, 3, 3, 4, -1]);
  expect(layout.row(2)).toEqual({ lane: 1, through: [0], joins: [], up: false, down: true });
  expect(layout.row(3)).toEqual({ lane: 0, through: [], joins: [1], up: true, down: true });
  expect(layout.row(4).lane).toBe(0);
  connected(layout);
});

test('a lane that has ended is used again', () => {
  const layout = new LaneLayout([2, 2, 5, 5, 5, -1]);
  expect(layout.row(1).lane).toBe(1);
  expect(layout.row(2).joins).toEqual([1]);
  expect(layout.row(3).lane).toBe(1);
  expect(layout.row(4).lane).toBe(2);
  expect(layout.width).toBe(3);
  connected(layout);
});

test('two histories without a common root', () => {
  const layout = new LaneLayout([1, -1, 3, -1]);
  expect(layout.row(1).down).toBe(false);
  expect(layout.row(2)).toEqual({ lane: 0, through: [], joins: [], up: false, down: true });
  connected(layout);
});

test('a parent that is not in the list, or not below, ends the line', () => {
  expect(new LaneLayout([7]).row(0).down).toBe(false);
  expect(new LaneLayout([0]).row(0).down).toBe(false);
});

test('random trees are connected, whatever is asked for first', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  for (let turn = 0; turn < 50; turn++) {
    const count = 2 + random(60);
    const parents = Array.from({ length: count }, (_, index) =>
      index === count - 1 ? -1 : Math.min(count - 1, index + 1 + random(4))
    );
    const layout = new LaneLayout(parents);
    layout.row(random(count));
    connected(layout);
  }
});

test('ten thousand commits with a hundred branches take a moment', () => {
  const parents = Array.from({ length: 10_000 }, (_, index) =>
    index === 9_999 ? -1 : Math.min(9_999, index + (index % 100 ? 1 : 50))
  );
  const began = performance.now();
  new LaneLayout(parents).row(9_999);
  expect(performance.now() - began).toBeLessThan(500);
});
