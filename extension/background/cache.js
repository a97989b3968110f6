/** Keeps the latest values under their keys, and forgets those that were not asked for the longest. */

/** @template V */
export class Recent {
  /**
   * @param {number} most How many are kept.
   * @param {Iterable<[string, V]>} entries What is there from the start, oldest first.
   */
  constructor(most, entries = []) {
    this._most = most;
    /** @type {Map<string, V>} */
    this._map = new Map();
    for (const [key, value] of entries) this.set(key, value);
  }

  /**
   * @param {string} key
   * @returns {V | undefined}
   */
  get(key) {
    const value = this._map.get(key);
    if (value !== undefined) {
      this._map.delete(key);
      this._map.set(key, value);
    }
    return value;
  }

  /**
   * @param {string} key
   * @param {V} value
   */
  set(key, value) {
    this._map.delete(key);
    this._map.set(key, value);
    for (const oldest of this._map.keys()) {
      if (this._map.size <= this._most) break;
      this._map.delete(oldest);
    }
  }

  clear() {
    this._map.clear();
  }

  get size() {
    return this._map.size;
  }

  /** @returns {[string, V][]} Oldest first. */
  entries() {
    return [...this._map];
  }
}
