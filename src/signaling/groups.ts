// Members by key: who wants to hear about what. It must not know what they are.

/** Empty groups are forgotten. */
export class Groups<T> {
  readonly #groups = new Map<string, Set<T>>();
  static readonly #nobody: ReadonlySet<never> = new Set<never>();

  add(key: string, member: T): void {
    const group = this.#groups.get(key) ?? new Set();
    this.#groups.set(key, group.add(member));
  }

  remove(key: string, member: T): void {
    const group = this.#groups.get(key);
    group?.delete(member);
    if (group?.size === 0) this.#groups.delete(key);
  }

  of(key: string): ReadonlySet<T> {
    return this.#groups.get(key) ?? Groups.#nobody;
  }
}
