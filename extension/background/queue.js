/** Does a few things at a time, in order, and holds everything back when the service asks for it. */

/** @template T @typedef {{ job: () => Promise<T>, resolve: (v: T) => void, reject: (e: unknown) => void, group: unknown }} Entry */

export class Dropped extends Error {}

export class Queue {
  /**
   * @param {number} parallel How many jobs run at the same time.
   * @param {() => number} now Milliseconds, of a clock that nobody sets back; another one for tests.
   */
  constructor(parallel, now = () => performance.now()) {
    this.parallel = parallel;
    this.running = 0;
    this._now = now;
    this._pausedUntil = 0;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this._timer = null;
    /** @type {Entry<any>[]} */
    this._waiting = [];
  }

  /**
   * Do a job when its turn comes.
   *
   * @template T
   * @param {() => Promise<T>} job
   * @param {unknown} group What it belongs to, for {@link drop}.
   * @returns {Promise<T>} Rejects with {@link Dropped} when the group was dropped before the job began.
   */
  add(job, group = null) {
    return new Promise((resolve, reject) => {
      this._waiting.push({ job, resolve, reject, group });
      this._next();
    });
  }

  /**
   * Begin nothing for some time; what runs goes on.
   *
   * @param {number} ms
   */
  pause(ms) {
    this._pausedUntil = Math.max(this._pausedUntil, this._now() + ms);
    this._wake();
  }

  /** Go on when the pause is over: a timer may go off a little before the clock says so, and is then set again. */
  _wake() {
    if (this._timer !== null) clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      this._timer = null;
      if (this._now() < this._pausedUntil) this._wake();
      else this._next();
    }, Math.max(1, this._pausedUntil - this._now()));
  }

  /**
   * Forget the waiting jobs of a group.
   *
   * @param {unknown} group
   */
  drop(group) {
    const left = this._waiting.filter((entry) => entry.group !== group);
    const dropped = this._waiting.filter((entry) => entry.group === group);
    this._waiting = left;
    for (const entry of dropped) entry.reject(new Dropped("no longer wanted"));
  }

  _next() {
    while (this.running < this.parallel && this._waiting.length > 0 && this._now() >= this._pausedUntil) {
      const { job, resolve, reject } = /** @type {Entry<any>} */ (this._waiting.shift());
      this.running += 1;
      job()
        .then(resolve, reject)
        .finally(() => {
          this.running -= 1;
          this._next();
        });
    }
  }
}
