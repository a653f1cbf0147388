import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '../../api/apiextensions/schema/json-schema.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { renderTable } from '../../api/machinery/table.ts';
import { countedReads } from '../../std/counted-reads.test-support.ts';
import { customKindsOf } from './custom-kind.ts';
import { ANYTHING, widget, widgets, withSpec } from './definition-fixture.ts';

const context = { nowMs: 0, user: { name: 'u', groups: [] } };
const kindsOf = (definition: ReturnType<typeof widgets>) => customKindsOf(definition, () => undefined);
const object = (more: Record<string, unknown>, version = 'v1') => widget('a', more, version) as DynamicObject;

test('an object is pruned and defaulted by the version that it is stored in, and pruned by the one that it is shown in', () => {
  const text = (name: string) => ({ [name]: { type: 'string', default: name } });
  const spec = (...names: string[]) =>
    withSpec({ type: 'object', properties: Object.assign({ both: { type: 'string' } }, ...names.map(text)) });
  const versions = [
    { name: 'v1', storage: false, schema: { openAPIV3Schema: spec('v1') } },
    { name: 'v2', storage: true, schema: { openAPIV3Schema: spec('v2', 'shared') } },
    { name: 'v3', storage: false, schema: { openAPIV3Schema: spec('v3', 'shared') } },
  ];
  const [v3, v2, v1] = kindsOf(widgets({ versions })).served;
  const given = object({ spec: { both: 'x', v1: 'y' } });
  const stored = v1!.storedAs!.toStored(given);
  assert.deepEqual([stored.apiVersion, stored['spec']], ['example.com/v2', { both: 'x' }]);
  assert.deepEqual(given, object({ spec: { both: 'x', v1: 'y' } }));
  const shownAs = (kind: KindDefinition) => kind.storedAs!.fromStored(structuredClone(stored))['spec'];
  assert.deepEqual(shownAs(v2!), { both: 'x', v2: 'v2', shared: 'shared' });
  assert.deepEqual(shownAs(v3!), { both: 'x', shared: 'shared' });
  assert.deepEqual(shownAs(v1!), { both: 'x' });
});

test('what a default knows of embedded metadata that is no metadata’s is taken and never shown', () => {
  const embedded = { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', unknown: 1 }, more: 2 };
  const schema = withSpec({
    type: 'object',
    properties: {
      one: { ...embedded, default: pod },
      many: { type: 'array', items: embedded, default: [pod] },
      inside: { type: 'object', default: {}, properties: { one: { ...embedded, default: pod } } },
      meta: { ...embedded, default: {}, properties: { metadata: { type: 'object', default: pod.metadata } } },
    },
  } as JsonSchema);
  const { stored } = kindsOf(widgets({ schema }));
  const made = stored.ownSchema!.decode({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' }, spec: {} });
  const kept = { ...pod, metadata: { name: 'a' } };
  assert.deepEqual(made.object['spec'], { one: kept, many: [kept], inside: { one: kept }, meta: { metadata: { name: 'a' } } });
  assert.deepEqual(made.unknownFields, []);
});

test('a default of one field of embedded metadata that metadata does not have is never shown', () => {
  const text = (value: string) => ({ type: 'string', default: value });
  for (const open of [{}, { 'x-kubernetes-preserve-unknown-fields': true }]) {
    const fields = { name: text('b'), unknown: text('c'), constructor: text('d') };
    const pod = {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      ...open,
      properties: { apiVersion: text('v1'), kind: text('Pod'), metadata: { type: 'object', properties: fields } },
    };
    const schema = withSpec({ type: 'object', properties: { pods: { type: 'array', items: pod } } } as JsonSchema);
    const { stored } = kindsOf(widgets({ schema }));
    const made = stored.ownSchema!.decode(object({ spec: { pods: [{ metadata: {} }] } }));
    assert.deepEqual(made.object['spec'], { pods: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'b' } }] });
  }
});

test('embedded metadata in the store that is partly no metadata keeps what is', () => {
  const pod = { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true };
  const { stored } = kindsOf(widgets({ schema: withSpec(pod as JsonSchema) }));
  const metadata = { name: 'b', labels: [], generation: 'x', annotations: { c: 'd' }, unknown: 1 };
  const shown = stored.storedAs!.fromStored(object({ spec: { apiVersion: 1, kind: 'Pod', metadata } }));
  assert.deepEqual(shown['spec'], { kind: 'Pod', metadata: { annotations: { c: 'd' }, name: 'b' } });
});

test('what all versions of a definition share is there once: a thousand of each other’s would fill the memory', () => {
  const versions = Array.from({ length: 50 }, (_, i) => ({ name: `v${i + 1}`, storage: i === 0, deprecated: i < 49 }));
  const { served, stored } = kindsOf(widgets({ versions }));
  assert.equal(served.length, 50);
  assert.equal(stored.storedAs!.versions!.size, 50);
  for (const { storedAs } of served) assert.equal(storedAs!.versions, stored.storedAs!.versions);
  assert.match(stored.deprecation!, /; use example\.com\/v50 Widget$/);
});

test('finalizers of an update are not held against all that were there before, one by one', () => {
  const { stored } = kindsOf(widgets());
  const finalizers = Array.from({ length: 200 }, (_, i) => `example.com/f${i}`);
  const { list, reads } = countedReads(finalizers);
  const withFinalizers = (all: string[]) => ({ ...object({}), metadata: { name: 'a', finalizers: all } });
  assert.deepEqual(stored.warnings!(withFinalizers([...finalizers.reverse(), 'new']), withFinalizers(list)).length, 1);
  assert.ok(reads() <= 400, `${reads()} reads`);
});

test('versions that are not served are no kinds, and the stored one is known all the same', () => {
  const versions = [
    { name: 'v1', storage: true, served: false },
    { name: 'v2', storage: false },
  ];
  const { served, stored } = kindsOf(widgets({ versions }));
  assert.deepEqual(
    served.map(({ version }) => version),
    ['v2'],
  );
  assert.equal(stored.version, 'v1');
});

test('a status is written by its subresource alone, which writes nothing else', () => {
  const schema = withSpec(ANYTHING);
  const { stored } = kindsOf(
    widgets({
      versions: [
        {
          subresources: { status: {} },
          schema: { openAPIV3Schema: { ...schema, 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    }),
  );
  const made = object({ spec: { x: 1 }, status: { y: 1 } });
  stored.prepareForCreate!(made, context);
  assert.equal(made['status'], undefined);
  const [status] = stored.parts;
  const merged = status!.merge(
    object({ spec: { x: 1 }, metadata: { labels: { a: 'b' } } }),
    object({ spec: { x: 2 }, status: { y: 2 }, metadata: { labels: { a: 'c' }, managedFields: [] } }),
    context,
  );
  assert.deepEqual([merged['spec'], merged['status'], merged.metadata.labels], [{ x: 1 }, { y: 2 }, { a: 'b' }]);
});

test('columns show what their paths lead to, of the type that they say, and nothing for what is not there', () => {
  const additionalPrinterColumns = [
    { name: 'Text', type: 'string', jsonPath: '.spec.text' },
    { name: 'Map', type: 'string', jsonPath: '.spec.map' },
    { name: 'All', type: 'string', jsonPath: '.spec.list[*].n' },
    { name: 'Count', type: 'integer', jsonPath: '.spec.count', priority: 1 },
    { name: 'Ratio', type: 'number', jsonPath: '.spec.ratio' },
    { name: 'Ok', type: 'boolean', jsonPath: '.spec.ok' },
    { name: 'When', type: 'date', jsonPath: '.spec.when' },
  ];
  const { stored } = kindsOf(widgets({ versions: [{ additionalPrinterColumns }] }));
  const full = object({
    spec: { text: 't', map: { a: 1 }, list: [{ n: 1 }, { n: 2 }], count: 2, ratio: 0.5, ok: true, when: '1970-01-01T00:00:00Z' },
  });
  const { columnDefinitions, rows } = renderTable(stored, [full, object({})], { nowMs: 90_000 });
  assert.deepEqual(
    columnDefinitions?.map(({ name, priority }) => `${name} ${priority}`),
    ['Name 0', 'Text 0', 'Map 0', 'All 0', 'Count 1', 'Ratio 0', 'Ok 0', 'When 0'],
  );
  assert.deepEqual(rows[0]!.cells, ['a', 't', '{"a":1}', '1', 2, 0.5, true, '90s']);
  assert.deepEqual(rows[1]!.cells, ['a', null, null, null, null, null, null, null]);
});

test('without columns of its own a kind shows its age', () => {
  const { stored } = kindsOf(widgets());
  assert.deepEqual(
    stored.columns.map(({ name, type }) => [name, type]),
    [
      ['Name', 'string'],
      ['Age', 'date'],
    ],
  );
});

test('columns end with the first whose path cannot be read, and what has no value says so in Go’s words', () => {
  const column = (name: string, type: string, jsonPath: string) => ({ name, type, jsonPath });
  const additionalPrinterColumns = [
    column('Null', 'string', '.spec.nothing'),
    column('Map', 'string', '.spec.map'),
    column('Huge', 'integer', '.spec.huge'),
    column('Small', 'string', '.spec.small'),
    column('Never', 'date', '.spec.never'),
    column('Day', 'date', '.spec.day'),
    column('Odd', 'string', '.spec.list[?(@.v>1)].name'),
    column('Broken', 'string', '.spec["x"]'),
    column('After', 'string', '.spec.map'),
  ];
  const { stored } = kindsOf(widgets({ versions: [{ additionalPrinterColumns }] }));
  const list = [
    { name: 'a', v: 2 },
    { name: 'b', v: '3' },
  ];
  const spec = { nothing: null, map: { b: '<', a: 1 }, huge: 1e21, small: 1e-7, never: '', day: '2020-01-01', list };
  const { columnDefinitions, rows } = renderTable(stored, [object({ spec })], { nowMs: 0 });
  assert.deepEqual(
    columnDefinitions!.map(({ name }) => name),
    ['Name', 'Null', 'Map', 'Huge', 'Small', 'Never', 'Day', 'Odd'],
  );
  assert.deepEqual(rows[0]!.cells.slice(1), [
    '<no value>',
    '{"a":1,"b":"\\u003c"}',
    -(2n ** 63n),
    '1e-07',
    '<unknown>',
    '<invalid>',
    null,
  ]);
});
