import { Pace, type Steps } from '../../std/pauses.ts';
import { sortInSteps } from '../../std/sort-in-steps.ts';
import type { Parameter, PathItem, SchemaObject, SwaggerDocument } from './openapi-document.ts';

/** What a document has besides its paths and definitions. */
export interface DocumentFrame extends Omit<SwaggerDocument, 'paths' | 'definitions'> {
  readonly parameters?: Record<string, Parameter>;
}

/** How documents of a version of OpenAPI are written in one of its encodings. */
export interface DocumentForm {
  path(path: string, item: PathItem): Buffer;
  definition(name: string, schema: SchemaObject): Steps<Buffer>;
  /** The whole document, in pieces, of paths and definitions in their order. */
  join(frame: DocumentFrame, paths: readonly Buffer[], definitions: readonly Buffer[]): Iterable<Buffer>;
}

/** About how large the pieces are that small parts are put together to. */
const PIECE_BYTES = 256 * 1024;

/**
 * Writes a document whose paths and definitions become bytes as soon as they are known: ten thousand custom kinds come to 200 MB of text,
 * and to ten times that as objects.
 */
export class DocumentWriter {
  readonly #form: Pick<DocumentForm, 'path' | 'definition'>;
  readonly #paths = new Map<string, Buffer>();
  readonly #definitions = new Map<string, Buffer>();

  constructor(form: Pick<DocumentForm, 'path' | 'definition'>) {
    this.#form = form;
  }

  *addPaths(paths: Readonly<Record<string, PathItem>>): Steps<void> {
    for (const [path, item] of Object.entries(paths)) {
      this.#paths.set(path, this.#form.path(path, item));
      yield;
    }
  }

  *addDefinitions(definitions: Readonly<Record<string, SchemaObject>>): Steps<void> {
    for (const [name, schema] of Object.entries(definitions)) {
      this.#definitions.set(name, yield* this.#form.definition(name, schema));
      yield;
    }
  }

  /** In the order of their names. What was added is let go of. */
  *finish(join: (paths: readonly Buffer[], definitions: readonly Buffer[]) => Iterable<Buffer>): Steps<Buffer[]> {
    const paths = yield* takeInOrder(this.#paths);
    const definitions = yield* takeInOrder(this.#definitions);
    const pieces: Buffer[] = [];
    let some: Buffer[] = [];
    const pace = new Pace(PIECE_BYTES);
    for (const part of join(paths, definitions)) {
      some.push(part);
      if (!pace.due(part.length)) continue;
      pieces.push(Buffer.concat(some));
      some = [];
      yield;
    }
    pieces.push(Buffer.concat(some));
    return pieces;
  }
}

function* takeInOrder(parts: Map<string, Buffer>): Steps<Buffer[]> {
  const sorted = yield* sortInSteps([...parts], ([a], [b]) => (a < b ? -1 : 1));
  parts.clear();
  return sorted.map(([, part]) => part);
}
