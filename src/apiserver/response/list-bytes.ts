import { apiVersionOf, type KindDefinition, listKindOf } from '../../api/machinery/kind.ts';
import type { ListMeta } from '../../api/machinery/object.ts';
import { parseInSteps } from '../../std/json-in-steps.ts';
import type { Steps } from '../../std/pauses.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import type { LongBody } from './long-body.ts';

const OPEN = 0x7b; // {
const COMMA = 0x2c;
const END = Buffer.from(']}\n');

/**
 * A list as it is sent, joined from the bytes that the objects have already, piece by piece.
 *
 *     {"kind":"PodList",…,"items":[ │ { item │ ,{ item │ … │ ]}
 *
 * Items of built-in kinds are sent without apiVersion and kind, custom resources with them, as upstream does, whose lists
 * say that nothing more comes, too.
 */
export class ListBytes implements LongBody {
  /** Of all of it. */
  readonly size: number;
  readonly #objects: readonly CachedObject[];
  readonly #withType: boolean;
  readonly #type: string;
  /** The next object to begin with. */
  #next = 0;
  /** What is being copied, and what of it comes next. */
  #source: Buffer;
  #from = 0;
  #atEnd = false;

  constructor(kind: KindDefinition, metadata: ListMeta, objects: readonly CachedObject[]) {
    this.#withType = kind.ownSchema !== undefined;
    const shown = this.#withType ? { continue: '', ...metadata } : metadata;
    const type = JSON.stringify({ kind: listKindOf(kind), apiVersion: apiVersionOf(kind), metadata: shown });
    this.#type = type;
    this.#source = Buffer.from(`${type.slice(0, -1)},"items":[`);
    this.#objects = objects;
    let size = this.#source.length + END.length;
    for (const object of objects) size += object.byteLength - this.#offset(object) + 2;
    this.size = objects.length ? size - 1 : size;
  }

  /** What is told of the list beside its items. */
  get fields(): Readonly<Record<string, unknown>> {
    return JSON.parse(this.#type) as Record<string, unknown>;
  }

  /** The items as they are shown, each of which is parsed when it is asked for. */
  *items(): Generator<Steps<unknown>> {
    for (const object of this.#objects) yield parseInSteps(`{${object.bytes.toString('utf8', this.#offset(object))}`);
  }

  /** Copies what comes next, as much as there is room for, and returns how much that was: 0 at the end. */
  fill(target: Buffer): number {
    let at = 0;
    for (;;) {
      const size = Math.min(this.#source.length - this.#from, target.length - at);
      if (size > 0) this.#source.copy(target, at, this.#from, this.#from + size);
      this.#from += size;
      at += size;
      // Room for `,{` is needed to begin with the next object.
      if (this.#from < this.#source.length || (target.length - at < 2 && !this.#atLast)) return at;
      if (this.#next === this.#objects.length) {
        if (this.#atEnd) return at;
        this.#atEnd = true;
        this.#source = END;
        this.#from = 0;
        continue;
      }
      if (this.#next > 0) target[at++] = COMMA;
      target[at++] = OPEN;
      const object = this.#objects[this.#next++]!;
      this.#source = object.bytes;
      this.#from = this.#offset(object);
    }
  }

  /** Where an item's bytes begin, after its `{`. */
  #offset(object: CachedObject): number {
    return this.#withType ? 1 : object.itemOffset;
  }

  get #atLast(): boolean {
    return this.#next === this.#objects.length;
  }
}
