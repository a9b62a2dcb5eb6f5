import { Graph, LaneLayout } from '../src/logic/graph';
import type { IGraph } from '../src/api/types';

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

/** A page of a graph whose commits are called by their place from the oldest on. */
function page(revision: string, parents: readonly number[], offset = 0, limit = parents.length): IGraph {
  const total = parents.length;
  const commits = parents.map((_, index) => `c${total - 1 - index}`).slice(offset, offset + limit);
  return { revision, total, offset, commits, parents: parents.slice(offset, offset + limit) };
}

test('lanes are the same, page by page, as from the whole', () => {
  const parents = [2, 2, 5, 5, 5, 6, 8, 8, -1];
  const whole = new LaneLayout(parents);
  const graph = new Graph(page('r', parents, 0, 2));
  expect(graph.lanes(2)).toBeUndefined();
  for (let offset = 2; offset < parents.length; offset += 2) {
    expect(graph.complete).toBe(false);
    for (let index = 0; index < offset; index++) {
      expect(graph.lanes(index)).toEqual(whole.row(index));
    }
    expect(graph.add(page('r', parents, offset, 2))).toBe(true);
  }
  expect(graph.complete).toBe(true);
  expect(parents.map((_, index) => graph.lanes(index))).toEqual(parents.map((_, index) => whole.row(index)));
  expect([graph.indexOf('c8'), graph.indexOf('c0'), graph.indexOf('c9')]).toEqual([0, 8, -1]);
});

test('a page of another revision, or of another place, is not added', () => {
  const parents = [1, 2, 3, -1];
  const graph = new Graph(page('r', parents, 0, 2));
  expect(graph.add(page('later', parents, 2, 2))).toBe(false);
  expect(graph.add(page('r', parents, 1, 2))).toBe(false);
  expect(graph.add(page('r', parents, 2, 0))).toBe(false);
  expect(graph.commits).toEqual(['c3', 'c2']);
});

test('a graph grows at its top without being fetched anew', () => {
  const graph = new Graph(page('r', [1, 3, 3, 4, -1]));
  const after = [1, 2, 3, 5, 5, 6, -1];
  const grown = graph.grown(page('s', after, 0, 4), ['c6', 'c2']);
  expect(grown?.complete).toBe(true);
  expect(grown?.revision).toBe('s');
  const whole = new Graph(page('s', after));
  expect(grown?.commits).toEqual(whole.commits);
  expect(after.map((_, index) => grown?.lanes(index))).toEqual(after.map((_, index) => whole.lanes(index)));
  // A ref that moved is no reason either.
  expect(graph.grown(page('t', [1, 3, 3, 4, -1], 0, 2), ['c0'])?.revision).toBe('t');
});

test('a graph of which something else has changed is fetched anew', () => {
  const graph = new Graph(page('r', [1, 2, 3, -1]));
  // A commit is gone, and two are new.
  expect(graph.grown({ ...page('s', [1, 2, 3, 4, -1]), commits: ['c5', 'c4', 'c3', 'c2', 'c1'] }, ['c5'])).toBeNull();
  // A tip that nobody knows.
  expect(graph.grown(page('s', [1, 2, 3, 4, -1]), ['c4', 'lost'])).toBeNull();
  // A new commit starts from one that isn't on the page.
  expect(graph.grown(page('s', [3, 2, 3, 4, -1], 0, 2), ['c4', 'c3'])).toBeNull();
  // Another history.
  expect(graph.grown({ ...page('s', [1, -1]), commits: ['x', 'y'] }, ['x'])).toBeNull();
  expect(new Graph(page('r', [])).grown(page('s', [-1]), ['c0'])).toBeNull();
});
