import { fixedTime, type LogLine, type ParseLogLine, parserFor, timeMs } from './log-line.ts';

export interface RenderOptions {
  readonly timestamps: boolean;
  /** Lines written before are left out; milliseconds since the epoch. */
  readonly sinceMs?: number;
  readonly limitBytes?: number;
  readonly stream: 'All' | 'Stdout' | 'Stderr';
}

const LINE_END = 0x0a;
/** A longer line is passed on in pieces, so that one without an end does not fill the memory. */
const LONGEST_WHOLE_LINE = 256 << 10;

/**
 * Turns the bytes of a log file, in pieces of any size, into what was printed: heads taken off, partial lines put together, and what
 * was not asked for left out.
 */
export class LogRenderer {
  #options: RenderOptions;
  #left: number;
  #parse: ParseLogLine | undefined;
  /** The beginning of a line whose end has not come. */
  #rest: Buffer = Buffer.alloc(0);
  /** A long line, of which the head and some content have been passed on; `undefined` content is skipped to its end. */
  #long: { readonly shown: boolean; readonly partial: boolean } | undefined;
  #atLineStart = true;
  /** Lines that were in neither format. */
  unreadable = 0;

  constructor(options: RenderOptions) {
    this.#options = options;
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** The limit of bytes is reached: nothing more will come. */
  get full(): boolean {
    return this.#left <= 0;
  }

  /** Whether all that was fed has been rendered. */
  get between(): boolean {
    return this.#rest.length === 0 && !this.#long;
  }

  /** @throws Error when the file is in no known format */
  feed(bytes: Buffer): Buffer[] {
    const output: Buffer[] = [];
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    let at = 0;
    for (let end = data.indexOf(LINE_END); end !== -1 && !this.full; end = data.indexOf(LINE_END, at)) {
      const line = data.subarray(at, end + 1);
      if (this.#long) this.#goOn(line, output);
      else this.#line(line, output);
      at = end + 1;
    }
    this.#rest = data.subarray(at);
    if (this.#rest.length > LONGEST_WHOLE_LINE || (this.#long && this.#rest.length > 0)) this.#passOn(output);
    return output;
  }

  /** The file ends here: a line without an end is rendered as it is. */
  end(): Buffer[] {
    const output: Buffer[] = [];
    if (this.#rest.length > 0 && !this.#long && !this.full) this.#line(this.#rest, output);
    this.#rest = Buffer.alloc(0);
    this.#long = undefined;
    return output;
  }

  #line(bytes: Buffer, output: Buffer[]): LogLine | undefined {
    this.#parse ??= parserFor(bytes);
    // Upstream quotes the line. But a link at the log's place may lead to any file of the node, a line of which this would be.
    if (!this.#parse) throw new Error('failed to get parse function: unsupported log format');
    const line = this.#parse(bytes);
    if (!line) {
      this.unreadable++;
      return undefined;
    }
    if (this.#isWanted(line)) {
      if (this.#options.timestamps && this.#atLineStart) this.#write(Buffer.from(`${fixedTime(line.time())} `), output);
      this.#write(line.content, output);
    }
    this.#atLineStart = line.content.length === 0 || line.content.at(-1) === LINE_END;
    return line;
  }

  /** Gives out the beginning of a line that is longer than is kept. */
  #passOn(output: Buffer[]): void {
    if (this.#long) this.#write(this.#long.shown ? this.#rest : Buffer.alloc(0), output);
    else {
      const line = this.#line(this.#rest, output);
      this.#long = { shown: line !== undefined && this.#isWanted(line), partial: line?.partial ?? false };
    }
    this.#rest = Buffer.alloc(0);
  }

  #goOn(piece: Buffer, output: Buffer[]): void {
    const { shown, partial } = this.#long!;
    if (shown) this.#write(partial ? piece.subarray(0, -1) : piece, output);
    this.#atLineStart = !partial;
    this.#long = undefined;
  }

  #isWanted(line: LogLine): boolean {
    const { stream: wanted, sinceMs } = this.#options;
    if (wanted !== 'All' && wanted.toLowerCase() !== line.stream) return false;
    if (sinceMs === undefined || line.secondMs >= sinceMs) return true;
    return line.secondMs + 1000 > sinceMs && timeMs(line) >= sinceMs;
  }

  #write(bytes: Buffer, output: Buffer[]): void {
    const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= piece.length;
    if (piece.length > 0) output.push(piece);
  }
}
