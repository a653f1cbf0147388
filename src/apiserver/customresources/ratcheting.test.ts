import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonSchema } from '../../api/apiextensions/schema/json-schema.ts';
import { startTestApi, type TestApi } from '../test-api.ts';
import { causesOf, DEFINITIONS, define, placeOf, untilGone, widget, widgets, withSpec } from './definition-fixture.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };
const short = { type: 'string', maxLength: 2 };
const notX = (message: string) => ({ type: 'string', 'x-kubernetes-validations': [{ rule: "self != 'x'", message }] });

describe('what was wrong before', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(() => api.stop());

  /** An object that was made when anything was allowed, and the answers to changes of its spec now. */
  const stored = async (spec: object, properties: Record<string, JsonSchema>, own: Partial<JsonSchema> = {}) => {
    const loose = Object.fromEntries(Object.keys(properties).map((name) => [name, OPEN]));
    await define(api, widgets({ schema: withSpec({ type: 'object', properties: loose }) }));
    const made = await api.call('POST', placeOf(), widget('a', { spec }));
    assert.equal(made.status, 201, made.text);
    const strict = widgets({ schema: withSpec({ type: 'object', properties, ...own }) });
    const changed = await api.call('PATCH', `${DEFINITIONS}/widgets.example.com`, { spec: strict.spec }, MERGE);
    assert.equal(changed.status, 200, changed.text);
    return (change: object) => api.call('PATCH', `${placeOf()}/a?dryRun=All`, { spec: change }, MERGE);
  };
  const OPEN: JsonSchema = { 'x-kubernetes-preserve-unknown-fields': true };
  const forget = async () => {
    await api.call('DELETE', `${DEFINITIONS}/widgets.example.com`);
    await untilGone(api, 'widgets.example.com');
  };

  test('is let through below what is unchanged around it, and said in a warning where a rule is broken', async () => {
    const atomic: JsonSchema = { type: 'array', items: { type: 'object', properties: { v: notX('no x') } } };
    const change = await stored({ atomic: [{ v: 'x' }] }, { atomic, note: { type: 'string' } });
    const kept = await change({ note: 'n' });
    assert.equal(kept.status, 200, kept.text);
    assert.equal(kept.headers['warning'], '299 - "spec.atomic[0].v: Invalid value: \\"x\\": no x"');
    const more = await change({ atomic: [{ v: 'x' }, {}] });
    assert.deepEqual(causesOf(more), ['spec.atomic[0].v: Invalid value: "x": no x']);
    await forget();
  });

  test('is held against what the schema does not know all of: nobody can tell that it is unchanged', async () => {
    const open: JsonSchema = { type: 'object', required: ['must'], ...OPEN, properties: { a: short } };
    const change = await stored({ open: { a: 'long', b: 1 } }, { open, note: { type: 'string' } });
    assert.deepEqual(causesOf(await change({ note: 'n' })), ['spec.open.must: Required value']);
    const known = await change({ note: 'n', open: { must: true } });
    assert.equal(known.status, 200, `the part that the schema knows is unchanged: ${known.text}`);
    await forget();
  });

  test('items by key are the same in any order, items of sets and atomic lists as a whole alone', async () => {
    const byKey: JsonSchema = {
      type: 'array',
      maxItems: 1,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: { type: 'object', required: ['k'], properties: { k: { type: 'string' }, v: short } },
    };
    const set: JsonSchema = { type: 'array', items: short, 'x-kubernetes-list-type': 'set' };
    const one = { k: 'a', v: 'long' };
    const two = { k: 'b', v: 'longer' };
    const change = await stored({ byKey: [one, two], set: ['long', 'a'] }, { byKey, set });
    assert.equal((await change({ byKey: [two, one] })).status, 200);
    assert.deepEqual(causesOf(await change({ byKey: [two, { ...one, v: 'other' }] })), [
      'spec.byKey[1].v: Too long: may not be more than 2 bytes',
      'spec.byKey: Too many: 2: must have at most 1 item',
    ]);
    assert.deepEqual(causesOf(await change({ set: ['a', 'long'] })), ['spec.set[1]: Too long: may not be more than 2 bytes']);
    await forget();
  });

  test('a rule about what was there runs where nothing was, if it says so', async () => {
    const opt: JsonSchema = {
      type: 'string',
      'x-kubernetes-validations': [
        { rule: "oldSelf.hasValue() || self == 'first'", message: 'begin with first', optionalOldSelf: true },
      ],
    };
    const change = await stored({}, { opt });
    assert.deepEqual(causesOf(await change({ opt: 'second' })), ['spec.opt: Invalid value: "second": begin with first']);
    assert.equal((await change({ opt: 'first' })).status, 200);
    await forget();
  });
});
