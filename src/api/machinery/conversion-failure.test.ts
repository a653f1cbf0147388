import assert from 'node:assert/strict';
import test from 'node:test';
import { podKind } from '../core/v1/pod.ts';
import { conversionMessage } from './conversion-failure.ts';
import { decodeObject } from './decode.ts';
import { DecodeFailure } from './decode-scalar.ts';
import { StatusError } from './status-error.ts';

function refusal(pod: object): string {
  try {
    decodeObject(podKind, { apiVersion: 'v1', kind: 'Pod', ...pod });
  } catch (error) {
    assert.ok(error instanceof StatusError && error.cause instanceof DecodeFailure);
    return conversionMessage(error.cause);
  }
  throw new Error('the pod was decoded');
}

test('a patched tree that is no object of its kind is blamed in the words of the converter', () => {
  const cases: [object, string][] = [
    [{ metadata: { labels: 'invalid' } }, 'cannot restore map from string'],
    [{ metadata: { labels: [] } }, 'cannot restore map from slice'],
    [{ metadata: { labels: { a: 1 } } }, 'cannot convert int64 to string'],
    [{ metadata: { labels: { a: 1.5 } } }, 'unrecognized type: string'],
    [{ metadata: { labels: { a: { b: 'c' } } } }, 'unrecognized type: string'],
    [{ spec: 3 }, 'cannot restore struct from: int64'],
    [{ spec: { containers: {} } }, 'cannot restore slice from map'],
    [{ spec: { containers: [true] } }, 'cannot restore struct from: bool'],
    [{ spec: { priority: '1' } }, 'unrecognized type: int32'],
    [{ spec: { priority: 1.5 } }, 'cannot convert float64 to int32'],
    [{ spec: { hostNetwork: 1 } }, 'unrecognized type: bool'],
  ];
  for (const [pod, message] of cases) assert.equal(refusal(pod), message, JSON.stringify(pod));
});

test('what a type reads by itself is blamed in its own words', () => {
  assert.match(refusal({ metadata: { creationTimestamp: 'now' } }), /^parsing time "now" as /);
  assert.equal(
    conversionMessage(new DecodeFailure('illegal base64 data at input byte 2')),
    'error decoding from json: illegal base64 data at input byte 2',
  );
});
