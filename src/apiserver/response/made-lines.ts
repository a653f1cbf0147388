import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';

/** Together; more are made again when somebody asks for them. */
const MOST_BYTES = 16 * 1024 * 1024;

interface Made {
  readonly kind: KindDefinition;
  line: Buffer | Promise<Buffer>;
}

/**
 * Lines of watches that were made for one watcher and serve those who come soon behind it: a large object's takes its time, and a hundred may watch it
 * in the same form.
 */
export class MadeLines {
  /** By object and form, oldest first. */
  readonly #made = new Map<CachedObject, Map<string, Made>>();
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** The line of an object as a kind shows it; `form` names all that it depends on besides. Rejects with what making it fails with. */
  take(kind: KindDefinition, object: CachedObject, form: string, make: () => Promise<Buffer>): Buffer | Promise<Buffer> {
    let forms = this.#made.get(object);
    if (!forms) {
      forms = new Map();
      this.#made.set(object, forms);
    }
    const known = forms.get(form);
    if (known?.kind === kind) return known.line;
    if (known) this.#forget(known);
    const making = make();
    const made: Made = { kind, line: making };
    forms.set(form, made);
    const isKept = () => forms.get(form) === made && this.#made.get(object) === forms;
    making.then(
      (line) => {
        made.line = line;
        if (isKept()) this.#keep(line);
      },
      () => {
        if (isKept()) forms.delete(form); // told to whoever asked
      },
    );
    return making;
  }

  #keep(line: Buffer): void {
    this.#bytes += line.length;
    for (const [object, forms] of this.#made) {
      if (this.#bytes <= this.#mostBytes) return;
      for (const made of forms.values()) this.#forget(made);
      this.#made.delete(object);
    }
  }

  #forget({ line }: Made): void {
    if (Buffer.isBuffer(line)) this.#bytes -= line.length;
  }
}
