import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Steps } from '../../std/pauses.ts';
import {
  encodeInSteps,
  encodeStored,
  endOfObject,
  normalizeStored,
  parseObject,
  parseObjectInSteps,
  removeResourceVersion,
  type StoredForm,
  spliceBetween,
  splicedLength,
  spliceResourceVersion,
  storedForm,
} from '../store-access/encoding.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * One version of one object: the bytes to send, made from the stored ones when first asked for (which are not kept then), and the
 * parsed form. What it says never changes, so that any number of readers share it.
 */
export class CachedObject {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly createRevision: number;
  /** Of its stored bytes. */
  readonly sizeBytes: number;
  readonly #form: StoredForm;
  /** The stored bytes, until those to send are made. */
  #value: Uint8Array | undefined;
  #bytes: Buffer | undefined;
  #object: DynamicObject | undefined;
  /** Whether somebody has asked for the parsed form since `forgetUnused` looked. */
  #isUsed = false;
  #labels: Labels | undefined;
  /** As kinds show it, by their version. A record that has been replaced leaves nothing behind. */
  #variants: Map<string, { readonly kind: KindDefinition; readonly shown: CachedObject }> | undefined;
  /** The kind that shows it as it is stored, though it might not. */
  #shownAs: KindDefinition | undefined;
  #isStale = false;

  constructor(
    place: { key: string; namespace: string; name: string },
    form: StoredForm,
    value: Uint8Array,
    revision: number,
    createRevision = revision,
  ) {
    this.key = place.key;
    this.namespace = place.namespace;
    this.name = place.name;
    this.revision = revision;
    this.createRevision = createRevision;
    this.#form = form;
    const stored = normalizeStored(form, value);
    this.#value = stored;
    this.sizeBytes = stored.length;
  }

  /** An object that is shown and not stored: what a dry run leads to. */
  static unsaved(kind: KindDefinition, namespace: string, object: DynamicObject, revision: number | undefined): CachedObject {
    const form = storedForm(apiVersionOf(kind), kind.kind);
    return CachedObject.#unsavedAs(form, namespace, object, revision, encodeStored(form, object));
  }

  /** The same of a large object. */
  static *unsavedInSteps(
    kind: KindDefinition,
    namespace: string,
    object: DynamicObject,
    revision: number | undefined,
  ): Steps<CachedObject> {
    const form = storedForm(apiVersionOf(kind), kind.kind);
    return CachedObject.#unsavedAs(form, namespace, object, revision, yield* encodeInSteps(form, object));
  }

  static #unsavedAs(
    form: StoredForm,
    namespace: string,
    { metadata: { name = '' } }: DynamicObject,
    revision: number | undefined,
    stored: Buffer,
  ): CachedObject {
    const shown = new CachedObject({ key: '', namespace, name }, form, stored, revision ?? 0);
    if (revision === undefined) {
      shown.#bytes = Buffer.from(shown.#stored());
      shown.#value = undefined;
    }
    return shown;
  }

  /** The whole object as it is sent. Not to be changed. */
  get bytes(): Buffer {
    if (!this.#bytes) {
      this.#bytes = spliceResourceVersion(this.#form, this.#value!, this.revision);
      this.#value = undefined;
    }
    return this.#bytes;
  }

  /** How many `bytes` are, which does not make them. */
  get byteLength(): number {
    return this.#bytes?.length ?? splicedLength(this.#value!, this.revision);
  }

  /** Its bytes between others. What is returned is kept anyway: from now on its own are a part of it. */
  embed(before: Buffer, behind: Buffer): Buffer {
    const value = this.#value;
    let whole: Buffer;
    if (value) whole = spliceBetween(this.#form, value, this.revision, before, behind);
    else {
      const bytes = this.#bytes!;
      whole = Buffer.allocUnsafeSlow(before.length + bytes.length + behind.length);
      whole.set(before, 0);
      whole.set(bytes, before.length);
      whole.set(behind, before.length + bytes.length);
    }
    this.#bytes = whole.subarray(before.length, whole.length - behind.length);
    this.#value = undefined;
    return whole;
  }

  /** The metadata as it is sent, without parsing: a part of its bytes. */
  get metadataBytes(): Buffer {
    const { bytes } = this;
    const start = this.#form.head.length - 1;
    return bytes.subarray(start, endOfObject(bytes, start));
  }

  /** Whether there may be a field of this name anywhere in it: its bytes are asked, which costs less than to parse them. */
  mayHave(field: string): boolean {
    const bytes = this.#bytes ?? this.#value!;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(`"${field}"`);
  }

  /** The parsed form is made anew when somebody asks again: for what has been replaced, and is kept for late watchers only. */
  forgetParsed(): void {
    this.#object = undefined;
    this.#labels = undefined;
    this.#variants = undefined;
  }

  /**
   * Lets go of the parsed form where nobody has asked for it since the last call: it is several times as large as the bytes. Returns whether there
   * still is one.
   */
  forgetUnused(): boolean {
    if (!this.#isUsed) this.#object = undefined;
    this.#isUsed = false;
    let left = this.#object !== undefined;
    for (const { shown } of this.#variants?.values() ?? []) left = (shown !== this && shown.forgetUnused()) || left;
    return left;
  }

  /** From there on, after a `{`, its bytes are sent in a list: without apiVersion and kind. */
  get itemOffset(): number {
    return this.#form.itemOffset;
  }

  /** The parsed form, shared: not to be changed. */
  get object(): DynamicObject {
    this.#object ??= this.decode();
    this.#isUsed = true;
    return this.#object;
  }

  /** Whether somebody has parsed it already. */
  get isParsed(): boolean {
    return this.#object !== undefined;
  }

  /** The same of a large object. */
  *objectInSteps(): Steps<DynamicObject> {
    if (!this.#object) {
      const object = yield* this.decodeInSteps();
      this.#object ??= object; // another one may have come first
    }
    return this.object;
  }

  /** Its labels. Where nobody has parsed all of it yet, the metadata are, which are a small part. */
  get labels(): Labels | undefined {
    if (this.#object) return this.#object.metadata.labels;
    this.#labels ??= (JSON.parse(this.metadataBytes.toString('utf8')) as DynamicObject['metadata']).labels ?? {};
    return this.#labels;
  }

  /** A parsed form of the caller's own. */
  decode(): DynamicObject {
    return parseObject(this.bytes);
  }

  /** The same of a large object. */
  decodeInSteps(): Steps<DynamicObject> {
    return parseObjectInSteps(this.bytes);
  }

  /** The same object as of another revision: what a DELETED event shows. `parsed` is its parsed form, where somebody still has it. */
  at(revision: number, parsed?: DynamicObject): CachedObject {
    const other = new CachedObject(this, this.#form, this.#stored(), revision, this.createRevision);
    if (parsed) other.#object = { ...parsed, metadata: { ...parsed.metadata, resourceVersion: String(revision) } };
    return other;
  }

  #stored(): Uint8Array {
    return this.#value ?? removeResourceVersion(this.#form, this.#bytes!, this.revision);
  }

  /** Whether what is stored is not what would be stored of it now: a write that changes nothing else changes that. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** Whether somebody else must convert it before the kind can show it. */
  awaitsConversion(kind: KindDefinition): boolean {
    return this.isConvertedFor(kind) && this.#variants?.get(apiVersionOf(kind))?.kind !== kind;
  }

  /** Whether the kind shows what somebody else makes of it. */
  isConvertedFor(kind: KindDefinition): boolean {
    return kind.storedAs?.remote !== undefined && this.#form.apiVersion !== apiVersionOf(kind);
  }

  /** As it has just been converted: what it was converted to before counts no more. */
  convertedAnew(kind: KindDefinition, converted: DynamicObject): CachedObject {
    this.#variants?.delete(apiVersionOf(kind));
    return this.as(kind, converted);
  }

  /**
   * The object as a kind shows it: itself, or converted from its stored form (once). Where `awaitsConversion`, from what somebody else
   * has `converted`. `parsed` is its stored form, the caller's own, where there is one.
   */
  as(kind: KindDefinition, converted?: DynamicObject, parsed?: DynamicObject): CachedObject {
    const { storedAs } = kind;
    if (!storedAs || this.#shownAs === kind) return this;
    const id = apiVersionOf(kind);
    const known = this.#variants?.get(id);
    if (known?.kind === kind) return known.shown;
    if (!converted && this.awaitsConversion(kind))
      throw new CodedError(`${this.key} must be converted to ${id} first`, { code: 'NOT_CONVERTED' });
    const stored = converted ?? parsed ?? this.decode();
    const object = converted ?? storedAs.fromStored(stored);
    const own = object === stored && !converted && this.#form.apiVersion === id;
    const shown = own ? this : this.#variant(kind, object);
    // Other versions' forms always differ; of its own form, what differs was added or dropped when it was read.
    if (kind.ownSchema)
      shown.#isStale = this.#form.apiVersion !== apiVersionOf(storedAs) || (!own && storedAs.version === kind.version);
    if (own) this.#shownAs = kind;
    else {
      this.#variants ??= new Map();
      this.#variants.set(id, { kind, shown });
    }
    return shown;
  }

  /** The same of a large object. */
  *asInSteps(kind: KindDefinition, converted?: DynamicObject): Steps<CachedObject> {
    const known = !kind.storedAs || this.#shownAs === kind || this.#variants?.get(apiVersionOf(kind))?.kind === kind;
    if (known || converted || this.awaitsConversion(kind)) return this.as(kind, converted);
    return this.as(kind, undefined, yield* this.decodeInSteps());
  }

  /** The same for those who look at metadata only: as it is stored, where somebody else must convert it. */
  asFarAs(kind: KindDefinition): CachedObject {
    return this.awaitsConversion(kind) ? this : this.as(kind);
  }

  #variant(kind: KindDefinition, object: DynamicObject): CachedObject {
    const form = storedForm(apiVersionOf(kind), kind.kind);
    return new CachedObject(this, form, encodeStored(form, object), this.revision, this.createRevision);
  }
}
