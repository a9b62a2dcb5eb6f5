import { type IClock, PACE, Poller } from '../src/logic/poller';

class Clock implements IClock {
  time = 0;
  private _timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.time;
  }
  set(run: () => void, delay: number): unknown {
    const timer = { at: this.time + delay, run };
    this._timers.push(timer);
    return timer;
  }
  clear(timer: unknown): void {
    this._timers = this._timers.filter(each => each !== timer);
  }
  async pass(span: number): Promise<void> {
    const end = this.time + span;
    for (;;) {
      const next = this._timers.sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) {
        break;
      }
      this.time = next.at;
      this.clear(next);
      next.run();
      await flush();
    }
    this.time = end;
  }
}

async function flush(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await Promise.resolve();
  }
}

function polling(result: () => Promise<boolean>): { clock: Clock; poller: Poller; count: () => number } {
  const clock = new Clock();
  let count = 0;
  const poller = new Poller(
    () => {
      count++;
      return result();
    },
    PACE,
    clock
  );
  return { clock, poller, count: () => count };
}

test('asks at once, quickly for a while, and then seldom', async () => {
  const { clock, poller, count } = polling(async () => false);
  poller.start();
  await flush();
  expect(count()).toBe(1);
  await clock.pass(PACE.lately);
  const quick = count();
  expect(quick).toBeGreaterThan(20);
  await clock.pass(60_000);
  expect(count() - quick).toBeLessThanOrEqual(13);
});

test('slows down while nobody looks, and asks when somebody does', async () => {
  const { clock, poller, count } = polling(async () => false);
  poller.start();
  await flush();
  poller.visible = false;
  await clock.pass(60_000);
  expect(count()).toBeLessThanOrEqual(3);
  const before = count();
  poller.visible = true;
  await flush();
  expect(count()).toBe(before + 1);
});

test('never two at a time; a hint meanwhile asks once more', async () => {
  const waiting: ((value: boolean) => void)[] = [];
  const { poller, count } = polling(() => new Promise(resolve => waiting.push(resolve)));
  poller.start();
  poller.nudge();
  poller.nudge();
  expect(count()).toBe(1);
  waiting[0](true);
  await flush();
  expect(count()).toBe(2);
  waiting[1](true);
  await flush();
  expect(count()).toBe(2);
});

test('backs off while the server fails, and comes back', async () => {
  let broken = true;
  const { clock, poller, count } = polling(async () => {
    if (broken) {
      throw new Error('no server');
    }
    return false;
  });
  poller.start();
  await flush();
  await clock.pass(300_000);
  expect(count()).toBeLessThan(12);
  expect(poller.delay).toBe(60_000);
  broken = false;
  await clock.pass(61_000);
  expect(poller.delay).toBe(PACE.calm);
});

test('stops', async () => {
  const { clock, poller, count } = polling(async () => false);
  poller.start();
  await flush();
  poller.stop();
  await clock.pass(100_000);
  poller.nudge();
  expect(count()).toBe(1);
});
