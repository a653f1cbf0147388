import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';

/** Together, with the objects that they are of; more are made again when somebody asks for them. */
const MOST_BYTES = 16 * 1024 * 1024;

interface Made {
  readonly kind: KindDefinition;
  line: Buffer | Promise<Buffer>;
}

/** The lines of one object, by their form. */
interface Lines {
  readonly byForm: Map<string, Made>;
  /** The object's, which is kept by them, and theirs. */
  bytes: number;
}

/**
 * Lines of watches that were made for one watcher and serve those who come soon behind it: a large object's takes its time, and a hundred may watch it
 * in the same form.
 */
export class MadeLines {
  /** Oldest first. */
  readonly #made = new Map<CachedObject, Lines>();
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** The line of an object as a kind shows it; `form` names all that it depends on besides. Rejects with what making it fails with. */
  take(kind: KindDefinition, object: CachedObject, form: string, make: () => Promise<Buffer>): Buffer | Promise<Buffer> {
    const lines = this.#made.get(object) ?? this.#begin(object);
    const known = lines.byForm.get(form);
    if (known?.kind === kind) return known.line;
    if (known && Buffer.isBuffer(known.line)) this.#charge(lines, -known.line.length);
    const making = make();
    const made: Made = { kind, line: making };
    lines.byForm.set(form, made);
    const isKept = () => lines.byForm.get(form) === made && this.#made.get(object) === lines;
    making.then(
      (line) => {
        made.line = line;
        if (isKept()) this.#charge(lines, line.length);
      },
      () => {
        if (isKept()) lines.byForm.delete(form); // told to whoever asked
      },
    );
    return making;
  }

  #begin(object: CachedObject): Lines {
    const lines: Lines = { byForm: new Map(), bytes: 0 };
    this.#made.set(object, lines);
    this.#charge(lines, object.sizeBytes);
    return lines;
  }

  #charge(lines: Lines, bytes: number): void {
    lines.bytes += bytes;
    this.#bytes += bytes;
    for (const [object, oldest] of this.#made) {
      if (this.#bytes <= this.#mostBytes) return;
      this.#bytes -= oldest.bytes;
      this.#made.delete(object);
    }
  }
}
