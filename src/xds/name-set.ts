/**
 * Sets of resource names that cost one bit a name. A proxy of a mesh names every cluster it wants endpoints of: as sets of
 * strings, 1,000 clients of 10,000 names are above 400 MB, and each look into one is a walk through cold memory.
 */

/** What is read of a set of names. Any ReadonlySet of strings is one. */
export interface Names extends Iterable<string> {
  readonly size: number;
  has(name: string): boolean;
}

/** Numbers for the names of one table, from 0 on without gaps. Another object takes its place when they are given anew. */
export interface NameIndex {
  /** Of a name that is or was in the table; undefined for all others. Never changes within one index. */
  idOf(name: string): number | undefined;
  nameOf(id: number): string | undefined;
  readonly size: number;
}

const NO_BITS = new Uint32Array(0);

/** Names that the table does not know (yet) are kept as strings beside the bits. */
export class NameSet implements Names {
  readonly #table: { readonly index: NameIndex };
  #index: NameIndex;
  #bits = NO_BITS;
  #known = 0;
  #strange: Set<string> | undefined;

  /** `table`: asked for its index at each use. */
  constructor(table: { readonly index: NameIndex }) {
    this.#table = table;
    this.#index = table.index;
  }

  get size(): number {
    return this.#known + (this.#strange?.size ?? 0);
  }

  has(name: string): boolean {
    const id = this.#idOf(name);
    return id === undefined ? (this.#strange?.has(name) ?? false) : this.#holds(name, id);
  }

  add(name: string): void {
    const id = this.#idOf(name);
    if (id === undefined) {
      this.#strange ??= new Set();
      this.#strange.add(name);
    } else if (!this.#holds(name, id)) this.#set(id);
  }

  /** Returns whether it was there. */
  delete(name: string): boolean {
    const id = this.#idOf(name);
    if (id === undefined) return this.#strange?.delete(name) ?? false;
    if (!this.#holds(name, id)) return false;
    this.#bits[id >>> 5] = (this.#bits[id >>> 5] ?? 0) & ~(1 << (id & 31));
    this.#known--;
    return true;
  }

  /** In no particular order. Not to be changed meanwhile. */
  *[Symbol.iterator](): Iterator<string> {
    if (this.#index !== this.#table.index) this.#renumber();
    yield* this.#known === 0 ? [] : this.#namesOfBits();
    yield* this.#strange ?? [];
  }

  *#namesOfBits(): Iterable<string> {
    for (const [at, word] of this.#bits.entries()) {
      for (let bit = 0; word !== 0 && bit < 32; bit++) {
        const name = (word & (1 << bit)) === 0 ? undefined : this.#index.nameOf(at * 32 + bit);
        if (name !== undefined) yield name;
      }
    }
  }

  #idOf(name: string): number | undefined {
    if (this.#index !== this.#table.index) this.#renumber();
    return this.#index.idOf(name);
  }

  #holds(name: string, id: number): boolean {
    return ((this.#bits[id >>> 5] ?? 0) & (1 << (id & 31))) !== 0 || this.#adopt(name, id);
  }

  /** A name that was strange to the table has come into it. Returns whether it was in the set. */
  #adopt(name: string, id: number): boolean {
    if (this.#strange === undefined || !this.#strange.delete(name)) return false;
    if (this.#strange.size === 0) this.#strange = undefined;
    this.#set(id);
    return true;
  }

  #set(id: number): void {
    if (id >>> 5 >= this.#bits.length) {
      const bits = new Uint32Array(Math.max((id >>> 5) + 1, Math.ceil(this.#index.size / 32)));
      bits.set(this.#bits);
      this.#bits = bits;
    }
    this.#bits[id >>> 5] = (this.#bits[id >>> 5] ?? 0) | (1 << (id & 31));
    this.#known++;
  }

  /** Takes over the numbers of the table's new index. */
  #renumber(): void {
    const names = [...this.#namesOfBits()];
    this.#index = this.#table.index;
    this.#bits = NO_BITS;
    this.#known = 0;
    for (const name of names) this.add(name);
  }
}
