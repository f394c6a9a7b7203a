/**
 * Gathers what comes in bursts and hands it on in batches, a bounded number of times a second: a fleet
 * that moves must not make the browser redraw, or the server answer, once per vehicle.
 */

export interface Batcher<T> {
  push(item: T): void;
  /** Drops what is waiting and takes nothing more. */
  stop(): void;
}

/**
 * The first item goes on at once. What follows waits until `intervalMs` after the last batch began, and until
 * that batch is done: a slow server is not asked again before it has answered.
 */
export function createBatcher<T>(intervalMs: number, flush: (items: T[]) => Promise<void>): Batcher<T> {
  let waiting: T[] = [];
  let busy = false;
  let stopped = false;

  async function run(): Promise<void> {
    busy = true;
    while (waiting.length > 0 && !isStopped()) {
      const items = waiting;
      waiting = [];
      const pause = new Promise((resolve) => setTimeout(resolve, intervalMs));
      // A failed batch has been reported by whoever failed; the next one goes on.
      await Promise.allSettled([flush(items), pause]);
    }
    busy = false;
  }

  const isStopped = () => stopped;

  return {
    push(item) {
      if (stopped) return;
      waiting.push(item);
      if (!busy) void run();
    },
    stop() {
      stopped = true;
      waiting = [];
    },
  };
}
