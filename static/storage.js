// What the browser keeps for this site and for this tab. Where it refuses to (blocked, or full), the page remembers
// by itself for as long as it is open.

class SafeStorage {
  #open;
  /** @type {Map<string, string>} what the browser did not take */
  #own = new Map();

  /** @param {() => Storage} open throws when storage is blocked: naming it is enough */
  constructor(open) {
    this.#open = open;
  }

  /**
   * @param {string} name
   * @returns {string | null}
   */
  get(name) {
    try {
      return this.#own.get(name) ?? this.#open().getItem(name);
    } catch {
      return null;
    }
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  set(name, value) {
    try {
      this.#open().setItem(name, value);
      this.#own.delete(name);
    } catch {
      this.#own.set(name, value);
    }
  }

  /** @param {string} name */
  remove(name) {
    this.#own.delete(name);
    try {
      this.#open().removeItem(name);
    } catch {
      // Then there is nothing to remove.
    }
  }
}

export const localStore = new SafeStorage(() => localStorage);
export const sessionStore = new SafeStorage(() => sessionStorage);
