/**
 * What kubectl 1.35.0 itself sent, one body of each kind that it makes (`create …`, `auth can-i`, `certificate approve`, `debug
 * --copy-to` for the pod), beside the JSON that says the same.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProtobuf } from './decode.ts';
import { encodeProtobuf } from './encode.ts';
import { readEnvelope } from './envelope.ts';
import bodies from './testdata/kubectl-1.35-bodies.json' with { type: 'json' };

for (const { schema, protobuf, object } of bodies) {
  const bytes = Buffer.from(protobuf, 'base64');
  test(`a ${object.kind} of kubectl 1.35 is read as the JSON that it would have sent`, () => {
    assert.deepEqual(decodeProtobuf(bytes, schema), object);
  });
  test(`a ${object.kind} is written byte for byte as kubectl 1.35 writes it`, () => {
    const { apiVersion, kind } = readEnvelope(bytes);
    assert.equal(encodeProtobuf(object, schema, { apiVersion, kind }).toString('hex'), bytes.toString('hex'));
  });
}
