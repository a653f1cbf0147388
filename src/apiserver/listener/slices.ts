/** Large enough that a slice costs little, small enough that other requests need not wait for it to be filled. */
const SLICE_BYTES = 128 * 1024;
/** More are made when more answers are sent at a time, and dropped behind that. */
const MOST_KEPT = 8;

/**
 * Buffers that long answers are sent in, used again and again: megabytes of new memory for each of them would make V8 look through
 * its whole heap every few answers, which costs more than the answers.
 */
export class Slices {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SLICE_BYTES);
  }

  /** Takes back a slice that nobody reads any more. */
  give(slice: Buffer): void {
    if (this.#free.length < MOST_KEPT) this.#free.push(slice);
  }
}
