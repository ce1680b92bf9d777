/** Answers by key, bounded in bytes; the least recently used leave first. */
export class ByteCache<T extends { readonly json: Uint8Array }> {
  readonly #entries = new Map<string, T>();
  readonly #limit: number;
  #bytes = 0;

  /** @param options.bytes how much the kept answers may take together */
  constructor(options: { readonly bytes: number }) {
    this.#limit = options.bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): T | undefined {
    const found = this.#entries.get(key);
    if (found) {
      this.#entries.delete(key);
      this.#entries.set(key, found);
    }
    return found;
  }

  /** Keeps an answer; one that takes more than half of the bound alone is not worth the others. */
  set(key: string, answer: T): void {
    const size = (name: string, { json }: T) => json.byteLength + 2 * name.length;
    const old = this.#entries.get(key);
    if (old) this.#bytes -= size(key, old);
    this.#entries.delete(key);
    if (size(key, answer) > this.#limit / 2) return;
    this.#entries.set(key, answer);
    this.#bytes += size(key, answer);
    for (const [name, entry] of this.#entries) {
      if (this.#bytes <= this.#limit) return;
      this.#entries.delete(name);
      this.#bytes -= size(name, entry);
    }
  }
}
