import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CachedObject } from '../watch-cache/cached-object.ts';
import { encodeStored, endOfObject, spliceBetween, spliceResourceVersion, storedForm } from './encoding.ts';

const form = storedForm('v1', 'ConfigMap');

/** Objects with whatever names and texts. fast-check prints the seed of a failure. */
const objects = fc.record({
  metadata: fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()).map((more) => ({ ...more, name: 'x' })),
  data: fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
});

test('metadata is cut out of an object’s bytes as it would be parsed from them', () => {
  fc.assert(
    fc.property(objects, (object) => {
      const value = encodeStored(form, object as never);
      const cached = new CachedObject({ key: '/x', namespace: '', name: 'x' }, form, value, 42);
      assert.deepEqual(JSON.parse(cached.metadataBytes.toString()), JSON.parse(cached.bytes.toString()).metadata);
      const labels = cached.labels;
      assert.deepEqual(labels, cached.object.metadata.labels ?? {});
    }),
  );
});

test('bytes that are no JSON end where they end', () => {
  for (const text of ['{"a":"', '{', '', '{"a":"\\']) assert.equal(endOfObject(Buffer.from(text), 0), Buffer.byteLength(text));
});

test('an object between other bytes is the same as between none, and is then a part of them', () => {
  const value = encodeStored(form, { metadata: { name: 'ä' }, data: { k: 'v' } } as never);
  const alone = spliceResourceVersion(form, value, 7);
  assert.equal(JSON.parse(alone.toString()).metadata.resourceVersion, '7');
  const around = spliceBetween(form, value, 7, Buffer.from('<'), Buffer.from('>>'));
  assert.equal(around.toString(), `<${alone}>>`);
  for (const before of [true, false]) {
    const cached = new CachedObject({ key: '/x', namespace: '', name: 'x' }, form, value, 7);
    if (before) assert.equal(cached.bytes.toString(), alone.toString());
    const whole = cached.embed(Buffer.from('<'), Buffer.from('>>'));
    assert.equal(whole.toString(), `<${alone}>>`);
    assert.equal(cached.bytes.buffer, whole.buffer);
    assert.equal(cached.bytes.toString(), alone.toString());
    assert.deepEqual([cached.mayHave('k'), cached.mayHave('nodeName')], [true, false]);
  }
});

test('an object as of another revision names that one, whether its parsed form was there already or not', () => {
  const value = encodeStored(form, { metadata: { name: 'x', uid: 'u' }, data: { k: 'v' } } as never);
  const cached = new CachedObject({ key: '/x', namespace: '', name: 'x' }, form, value, 7);
  const before = cached.object;
  for (const later of [cached.at(9), cached.at(9, before)]) {
    assert.equal(later.object.metadata.resourceVersion, '9');
    assert.deepEqual(later.object, JSON.parse(later.bytes.toString()));
  }
  assert.equal(before.metadata.resourceVersion, '7');
});
