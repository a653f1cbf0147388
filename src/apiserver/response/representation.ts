import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { ListMeta } from '../../api/machinery/object.ts';
import { badRequest, notAcceptable, type StatusError } from '../../api/machinery/status-error.ts';
import { type IncludeObject, renderTable, type Table } from '../../api/machinery/table.ts';
import { exactJsonText } from '../../std/exact-json.ts';
import { jsonTextInSteps } from '../../std/json-in-steps.ts';
import { isLarge, Pace, runAtOnce, runWithPauses, type Steps } from '../../std/pauses.ts';
import type { RequestContext, ServerResponse } from '../contracts.ts';
import type { Output } from '../request/negotiation.ts';
import type { WatchItem } from '../watch-cache/cached-event.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { ListBytes } from './list-bytes.ts';
import { wholeBody } from './long-body.ts';
import type { MadeLines } from './made-lines.ts';
import { parsedInSteps } from './parsed-in-steps.ts';
import { sendJsonPieces, sendList, sendPieces } from './send.ts';

type ProtobufBytes = typeof import('./protobuf-bytes.ts');

/** How objects of one kind are shown to one client: whole, as table rows, or their metadata only. */
export class Representation {
  readonly #kind: KindDefinition;
  readonly #output: Output;
  readonly #include: IncludeObject;
  readonly #nowMs: () => number;
  /** Loaded when it is asked for. */
  #protobuf: ProtobufBytes | undefined;
  #partialHead: Buffer | undefined;

  constructor(kind: KindDefinition, output: Output, query: URLSearchParams, nowMs: () => number) {
    this.#kind = kind;
    this.#output = output;
    this.#include = output.as === 'table' ? parseIncludeObject(query.get('includeObject')) : 'Metadata';
    this.#nowMs = nowMs;
  }

  /** Sends one object. */
  async sendObject(context: RequestContext, response: ServerResponse, status: number, object: CachedObject): Promise<void> {
    const protobuf = this.#usesProtobuf() ? await this.#loadProtobuf() : undefined;
    if (!this.#isPlain) context.audit?.responseObject?.(() => Buffer.concat(runAtOnce(this.#objectBytes(object))));
    if (protobuf) {
      const bytes = await runWithPauses(protobuf.objectBytesInSteps(this.#kind, this.#output, object));
      return sendPieces(context, response, status, [bytes], protobuf.PROTOBUF_TYPE);
    }
    return sendJsonPieces(context, response, status, await runWithPauses(this.#objectBytes(object)), this.#output);
  }

  async sendList(
    context: RequestContext,
    response: ServerResponse,
    metadata: ListMeta,
    objects: readonly CachedObject[],
  ): Promise<void> {
    const protobuf = this.#usesProtobuf() ? await this.#loadProtobuf() : undefined;
    if (!this.#isPlain)
      context.audit?.responseObject?.(() =>
        this.#output.as === 'object'
          ? wholeBody(new ListBytes(this.#kind, metadata, objects))
          : Buffer.concat(runAtOnce(this.#listBytes(metadata, objects))),
      );
    if (protobuf) {
      const bytes = await runWithPauses(protobuf.listBytes(this.#kind, this.#output, metadata, objects));
      return sendPieces(context, response, 200, [bytes], protobuf.PROTOBUF_TYPE);
    }
    if (this.#output.as === 'object')
      return sendList(context, response, new ListBytes(this.#kind, metadata, objects), this.#output);
    return sendJsonPieces(context, response, 200, await runWithPauses(this.#listBytes(metadata, objects)), this.#output);
  }

  /** What a watch is sent as. */
  get watchType(): string {
    return this.#output.format === 'protobuf' ? 'application/vnd.kubernetes.protobuf;stream=watch' : 'application/json';
  }

  /**
   * Makes the lines (of protobuf: the frames) of one watch: those of large objects with pauses, and once for all who share `made`. A watch of tables names
   * the columns once.
   */
  async lines(made: MadeLines): Promise<(item: WatchItem) => Buffer | Promise<Buffer>> {
    const kind = this.#kind;
    const { as, format, tableVersion } = this.#output;
    const protobuf = this.#usesProtobuf() ? await this.#loadProtobuf() : undefined;
    if (as === 'object' && !protobuf) return (item) => item.line;
    const shared = (item: WatchItem, form: string, make: () => Promise<Buffer>) =>
      made.take(kind, item.object, `${item.type} ${format} ${as} ${tableVersion} ${form}`, make);
    if (protobuf) {
      const inSteps = (item: WatchItem) => runWithPauses(protobuf.itemFrameInSteps(kind, this.#output, item));
      return (item) =>
        isLarge(item.object.sizeBytes) ? shared(item, '', () => inSteps(item)) : protobuf.itemFrame(kind, this.#output, item);
    }
    if (as === 'partial')
      return (item) =>
        isLarge(item.object.sizeBytes) ? shared(item, '', async () => this.#partialLine(item)) : this.#partialLine(item);
    let first = true;
    return (item) => {
      const named = first;
      first = false;
      if (!isLarge(item.object.sizeBytes)) return this.#tableLine(item, named);
      const second = Math.floor(this.#nowMs() / 1000); // what has an age shows another one in the next
      return shared(item, `${this.#include} ${named} ${second}`, () => runWithPauses(this.#tableLineInSteps(item, named)));
    };
  }

  #partialLine({ type, object }: WatchItem): Buffer {
    return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), ...this.#partial(object), LINE_END]);
  }

  #tableLine({ type, object }: WatchItem, named: boolean): Buffer {
    const { resourceVersion } = object.object.metadata;
    return watchLine(type, this.#table([object], { resourceVersion }, named));
  }

  *#tableLineInSteps({ type, object }: WatchItem, named: boolean): Steps<Buffer> {
    const { resourceVersion } = (yield* object.objectInSteps()).metadata;
    yield;
    const { rows, ...table } = this.#table([object], { resourceVersion }, named);
    yield;
    const text = yield* jsonTextInSteps(rows);
    const head = exactJsonText({ type, object: table });
    return Buffer.from(`${head.slice(0, -2)},"rows":${text}}}\n`);
  }

  /** A bookmark: an object of which nothing but the resourceVersion counts. After `lines`. */
  bookmark(revision: number, annotations?: Readonly<Record<string, string>>): Buffer {
    const metadata = { resourceVersion: String(revision), ...(annotations && { annotations }) };
    if (this.#protobuf) return this.#protobuf.bookmarkFrame(this.#kind, this.#output, { ...metadata, creationTimestamp: null });
    if (this.#output.as === 'table') {
      return watchLine('BOOKMARK', this.#table([], { resourceVersion: String(revision) }, false));
    }
    const partial = this.#output.as === 'partial';
    const { kind, group, version } = this.#kind;
    const apiVersion = partial ? this.#metaVersion() : group ? `${group}/${version}` : version;
    return watchLine('BOOKMARK', { kind: partial ? 'PartialObjectMetadata' : kind, apiVersion, metadata });
  }

  /** The last line of a watch that cannot go on. After `lines`. */
  errorLine({ status }: StatusError): Buffer {
    return this.#protobuf ? this.#protobuf.watchFrame('ERROR', this.#protobuf.statusBytes(status)) : watchLine('ERROR', status);
  }

  /** Whether the log can take the answer as it is sent: one line of JSON. */
  get #isPlain(): boolean {
    return this.#output.format === 'json' && !this.#output.pretty;
  }

  /** Throws 406 for objects of which only the metadata has a protobuf form. */
  #usesProtobuf(): boolean {
    if (this.#output.format !== 'protobuf') return false;
    if (!this.#kind.jsonOnly || this.#output.as === 'partial') return true;
    throw notAcceptable(
      'object *unstructured.Unstructured does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message',
    );
  }

  async #loadProtobuf(): Promise<ProtobufBytes> {
    this.#protobuf ??= await import('./protobuf-bytes.ts');
    return this.#protobuf;
  }

  *#objectBytes(object: CachedObject): Steps<Buffer[]> {
    if (this.#output.as === 'object') return [object.bytes];
    if (this.#output.as === 'partial') return this.#partial(object);
    const { resourceVersion } = (yield* object.objectInSteps()).metadata;
    return yield* this.#tableBytes([object], { resourceVersion });
  }

  *#listBytes(metadata: ListMeta, objects: readonly CachedObject[]): Steps<Buffer[]> {
    if (this.#output.as === 'table') return yield* this.#tableBytes(this.#inRowOrder(objects), metadata);
    const head = JSON.stringify({ kind: 'PartialObjectMetadataList', apiVersion: this.#metaVersion(), metadata });
    const pieces: Buffer[] = [Buffer.from(`${head.slice(0, -1)},"items":[`)];
    const pace = new Pace(PART);
    for (const object of objects) {
      if (pieces.length > 1) pieces.push(COMMA);
      pieces.push(...this.#partial(object));
      if (pace.due(object.bytes.length)) yield;
    }
    pieces.push(LIST_END);
    return pieces;
  }

  #inRowOrder(objects: readonly CachedObject[]): readonly CachedObject[] {
    const { rowOrder } = this.#kind;
    return rowOrder ? objects.toSorted((a, b) => rowOrder(a.object, b.object)) : objects;
  }

  /** A table row by row: with pauses where it is long. */
  *#tableBytes(objects: readonly CachedObject[], listMeta: ListMeta): Steps<Buffer[]> {
    const whole = exactJsonText(this.#table([], listMeta));
    const pieces = [Buffer.from(whole.slice(0, -LIST_END.length))];
    for (let i = 0; i < objects.length; i += ROWS) {
      const some = objects.slice(i, i + ROWS);
      yield* parsedInSteps(some);
      const { rows } = this.#table(some, listMeta);
      const bytes = some.reduce((sum, object) => sum + object.bytes.length, 0);
      const text = bytes > PART ? yield* jsonTextInSteps(rows) : exactJsonText(rows);
      pieces.push(Buffer.from(`${i ? ',' : ''}${text.slice(1, -1)}`));
      if (i + ROWS < objects.length) yield;
    }
    pieces.push(LIST_END);
    return pieces;
  }

  /** The parts of an object of which the metadata only is shown: cut out of its bytes, not parsed. */
  #partial(object: CachedObject): Buffer[] {
    this.#partialHead ??= Buffer.from(`{"kind":"PartialObjectMetadata","apiVersion":"${this.#metaVersion()}","metadata":`);
    return [this.#partialHead, object.metadataBytes, OBJECT_END];
  }

  #table(objects: readonly CachedObject[], listMeta: ListMeta, named = true): Table {
    return renderTable(
      this.#kind,
      objects.map((object) => object.object),
      { nowMs: this.#nowMs(), includeObject: this.#include, listMeta, apiVersion: this.#metaVersion(), noHeaders: !named },
    );
  }

  #metaVersion(): string {
    return `meta.k8s.io/${this.#output.tableVersion}`;
  }
}

const COMMA = Buffer.from(',');
const OBJECT_END = Buffer.from('}');
const LIST_END = Buffer.from(']}');
const LINE_END = Buffer.from('}\n');

/** So many rows are made, and bytes looked through, between two pauses: some milliseconds. */
const ROWS = 100;
const PART = 1024 * 1024;

function watchLine(type: string, object: object): Buffer {
  return Buffer.from(`${exactJsonText({ type, object })}\n`);
}

function parseIncludeObject(text: string | null): IncludeObject {
  if (text === null || text === '') return 'Metadata';
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(text)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}
