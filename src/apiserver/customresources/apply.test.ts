import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { startTestApi, type TestApi } from '../test-api.ts';
import { ANYTHING, define, placeOf, widget, widgets, withSpec } from './definition-fixture.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
  await define(
    api,
    widgets({
      schema: withSpec({
        type: 'object',
        properties: {
          open: ANYTHING,
          set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
          atomic: { type: 'object', additionalProperties: { type: 'string' }, 'x-kubernetes-map-type': 'atomic' },
          list: { type: 'array', items: { type: 'string' } },
          date: { type: 'string', format: 'date' },
          keyed: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['port', 'protocol'],
            items: {
              type: 'object',
              required: ['port'],
              properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, name: { type: 'string' } },
            },
          },
        },
      }),
    }),
  );
});
after(() => api.stop());

type Shown = DynamicObject & { spec: Record<string, unknown> };
const apply = (manager: string, spec: object, more = '') =>
  api.call<Shown>('PATCH', `${placeOf()}/a?fieldManager=${manager}${more}`, widget('a', { spec }), {
    'content-type': 'application/apply-patch+yaml',
  });

test('sets, keyed lists and open maps are shared, atomic ones and plain lists belong to one', async () => {
  const one = {
    set: ['a'],
    keyed: [{ port: 1, name: 'x' }],
    open: { mine: { deep: 1 }, list: [1] },
    atomic: { k: 'v' },
    list: ['l'],
  };
  assert.equal((await apply('one', one)).status, 201);
  const both = await apply('two', { set: ['b'], keyed: [{ port: 1, protocol: 'UDP' }], open: { mine: { other: 2 }, list: [1] } });
  assert.equal(both.status, 200, both.text);
  assert.deepEqual(both.body.spec, {
    set: ['a', 'b'],
    keyed: [
      { port: 1, name: 'x', protocol: 'TCP' },
      { port: 1, protocol: 'UDP' },
    ],
    open: { mine: { deep: 1, other: 2 }, list: [1] },
    atomic: { k: 'v' },
    list: ['l'],
  });
  const conflict = await apply('two', { atomic: { z: 'v' }, list: ['m'], open: { list: [2] } });
  assert.equal(conflict.status, 409);
  assert.match(conflict.text, /\.spec\.atomic/);
  assert.match(conflict.text, /\.spec\.list/);
  assert.match(conflict.text, /\.spec\.open\.list/);
  const without = await apply('one', {});
  assert.deepEqual(without.body.spec, {
    set: ['b'],
    keyed: [{ port: 1, protocol: 'UDP' }],
    open: { mine: { other: 2 }, list: [1] },
  });
});

test('applying the same again changes nothing', async () => {
  const first = await apply('three', { open: { x: { y: 1 } } });
  const second = await apply('three', { open: { x: { y: 1 } } });
  assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
});

test('fields that nobody declared are refused, in metadata too', async () => {
  const unknown = await apply('four', { nothing: 1 });
  assert.equal(unknown.status, 500);
  assert.match(
    unknown.text,
    /failed to create typed patch object \(\/a; example\.com\/v1, Kind=Widget\): \.spec\.nothing: field not declared in schema/,
  );
  const meta = await api.call('PATCH', `${placeOf()}/a?fieldManager=four`, widget('a', { metadata: { unknownMeta: 1 } }), {
    'content-type': 'application/apply-patch+yaml',
  });
  assert.match(meta.text, /\.metadata\.unknownMeta: field not declared in schema/);
});

test('what is applied within an object of which nothing is said is no mistake, though it is pruned', async () => {
  const bare = { type: 'object' };
  await define(api, widgets({ plural: 'bares', kind: 'Bare', schema: withSpec({ type: 'object', properties: { bare } }) }));
  const path = placeOf().replace('widgets', 'bares');
  const given = { ...widget('a', { spec: { bare: { labels: { a: 'b' } } } }), kind: 'Bare' };
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  const { status, body } = await api.call('PATCH', `${path}/a?fieldManager=me`, given, headers);
  assert.deepEqual([status, body['spec']], [201, { bare: {} }]);
});

test('of a text with a format only its validation knows what it is like', async () => {
  const number = await apply('five', { date: 1 });
  assert.equal(number.status, 422);
  assert.match(number.text, /spec\.date in body must be of type date/);
  const map = await apply('five', { date: {} });
  assert.equal(map.status, 500);
  assert.match(map.text, /\.spec\.date: expected any scalar, got &\{map\[\]\}/);
});

test('what is no text is shown as Go would write it', async () => {
  const { text } = await apply('five', { set: [[]], list: [{ b: [1, null], a: 'x' }] });
  const { message } = JSON.parse(text) as { message: string };
  assert.match(message, /\.spec\.set: element 0: not supported: associative list with lists as elements/);
  assert.ok(message.includes('Value:map[string]interface {}{"a":"x", "b":[]interface {}{1, interface {}(nil)}}'), message);
});

test('a null in a configuration is a value: refused where none may be, owned where one may be, and no word on what is in a map', async () => {
  const refused = await apply('six', { date: null });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /spec\.date in body must be of type string: \\"null\\"/);
  const kept = await apply('six', { open: { nothing: null } });
  assert.equal(kept.body.spec['open'] && (kept.body.spec['open'] as { nothing: unknown }).nothing, null);
  assert.equal((await apply('seven', { open: { nothing: 1 } })).status, 409);
  const before = await apply('eight', { keyed: [{ port: 8 }] });
  const after = await apply('nine', { keyed: null });
  assert.equal(after.status, 200, after.text);
  assert.deepEqual(after.body.spec['keyed'], before.body.spec['keyed']);
});
