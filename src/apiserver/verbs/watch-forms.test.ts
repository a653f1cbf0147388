import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeProtobuf } from '../../api/protobuf/decode.ts';
import { WireReader } from '../../std/protobuf/wire-reader.ts';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const PARTIAL = 'as=PartialObjectMetadata;v=v1;g=meta.k8s.io';

let api: TestApi;
before(async () => {
  api = await startTestApi();
  await api.call('POST', PATH, configMap('large', large('0')));
});
after(() => api.stop());

/** Some 300 KB. */
function large(first: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 6_000 }, (_, i) => [`key-${i}`, i ? 'v'.repeat(20) : first]));
}

/** The chunks of a watch's answer, cut into its events. */
type Cut = (bytes: Buffer) => { events: string[]; rest: Buffer };

interface Shown {
  readonly type: string;
  readonly object: {
    readonly metadata?: { readonly name?: string };
    readonly data?: Record<string, string>;
    readonly columnDefinitions?: unknown;
    readonly rows?: readonly { cells: readonly unknown[]; object: Shown['object'] }[];
  };
}

const cutLines =
  (show: (event: Shown) => string): Cut =>
  (bytes) => {
    const lines = bytes.toString().split('\n');
    const rest = Buffer.from(lines.pop()!);
    return { events: lines.map((line) => show(JSON.parse(line) as Shown)), rest };
  };

const cutFrames =
  (schema: string): Cut =>
  (all) => {
    const events: string[] = [];
    let bytes = all;
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
      const end = 4 + bytes.readUInt32BE(0);
      const event = new WireReader(bytes.subarray(4, end));
      event.tag();
      const type = event.text();
      event.tag();
      const raw = new WireReader(event.bytes());
      raw.tag();
      const { metadata, data } = decodeProtobuf(raw.bytes(), schema) as Shown['object'];
      events.push(`${type} ${metadata?.name} ${data?.['key-0'] ?? ''}`.trim());
      bytes = bytes.subarray(end);
    }
    return { events, rest: bytes };
  };

const whole = ({ type, object }: Shown) => `${type} ${object.metadata?.name} ${object.data?.['key-0'] ?? ''}`.trim();
const row = ({ type, object: { columnDefinitions, rows } }: Shown) =>
  `${type} ${rows?.[0]?.cells.slice(0, 2).join(' ')} ${columnDefinitions ? 'columns' : ''} ${rows?.[0]?.object?.data?.['key-0'] ?? ''}`.trim();

/** What a watch in some form tells, until a small object is deleted. */
async function watch(accept: string, query: string, cut: Cut): Promise<string[]> {
  const abort = new AbortController();
  const path = `${PATH}?watch=1${query}`;
  const answer = await api.transport.request({ method: 'GET', path, headers: { accept }, signal: abort.signal });
  const events: string[] = [];
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of answer.body) {
    const got = cut(Buffer.concat([bytes, chunk]));
    bytes = got.rest;
    events.push(...got.events);
    if (events.some((event) => event.startsWith('DELETED'))) break;
  }
  abort.abort(new DOMException('enough', 'AbortError'));
  return events;
}

test('large and small objects come in their order in every form, at the beginning and later', async () => {
  const watches = [
    watch('application/json', '', cutLines(whole)),
    watch(`application/json;${PARTIAL}`, '', cutLines(whole)),
    watch(TABLE, '', cutLines(row)),
    watch(TABLE, '', cutLines(row)),
    watch(TABLE, '&includeObject=Object', cutLines(row)),
    watch(PROTOBUF, '', cutFrames('V1ConfigMap')),
    watch(PROTOBUF, '', cutFrames('V1ConfigMap')),
    watch(`${PROTOBUF};${PARTIAL}`, '', cutFrames('PartialObjectMetadata')),
  ];
  // Each has begun when the first of these is told.
  await new Promise((resolve) => setImmediate(resolve));
  await api.call('POST', PATH, configMap('small', { 'key-0': 's' }));
  await api.call('PUT', `${PATH}/large`, configMap('large', large('1')));
  await api.call('PUT', `${PATH}/small`, configMap('small', { 'key-0': 't' }));
  await api.call('PUT', `${PATH}/large`, configMap('large', large('2')));
  await api.call('DELETE', `${PATH}/small`);
  const wholes = [
    'ADDED large 0',
    'ADDED small s',
    'MODIFIED large 1',
    'MODIFIED small t',
    'MODIFIED large 2',
    'DELETED small t',
  ];
  const names = wholes.map((each) => each.slice(0, -2));
  const rows = names.map((each, i) => `${each} ${each.endsWith('large') ? 6000 : 1}${i ? '' : ' columns'}`);
  const rowsOfWholes = rows.map((each, i) => `${each}${i ? '  ' : ' '}${wholes[i]!.slice(-1)}`);
  assert.deepEqual(await Promise.all(watches), [wholes, names, rows, rows, rowsOfWholes, wholes, wholes, names]);
});
