/**
 * When what has come in is shown: at once where somebody asked for it, and while the page follows the fleet together,
 * so that the answers to a refresh are no more paints than the refresh itself.
 */

export interface Pacer {
  /** Runs `task` with whatever else waits. */
  schedule(task: () => void): void;
  /** Holds back while `work` goes on, and for one interval after it: what follows must not paint right behind it. */
  calmly<T>(work: Promise<T>): Promise<T>;
}

/** At most one run of tasks per `intervalMs` while it is calm. */
export function createPacer(intervalMs: number): Pacer {
  let waiting: (() => void)[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let [working, calmUntil, last] = [0, -Infinity, -Infinity];

  function run(): void {
    timer = undefined;
    last = performance.now();
    const tasks = waiting;
    waiting = [];
    tasks.forEach((task) => {
      task();
    });
  }

  return {
    schedule(task) {
      waiting.push(task);
      if (timer !== undefined) return;
      const now = performance.now();
      const calm = working > 0 || now < calmUntil;
      timer = setTimeout(run, calm ? Math.max(0, last + intervalMs - now) : 0);
    },
    async calmly(work) {
      working += 1;
      try {
        return await work;
      } finally {
        working -= 1;
        calmUntil = performance.now() + intervalMs;
      }
    },
  };
}
