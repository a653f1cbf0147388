import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Answer, BadAnswer, chooseVersion, readAnswer } from './admission-review.ts';
import { refusedBy } from './refusals.ts';

test('whatever a webhook answers is an answer or a bad one', () => {
  const garbage = fc.oneof(
    fc.anything(),
    fc.record({ kind: fc.constant('AdmissionReview'), apiVersion: fc.constant('admission.k8s.io/v1'), response: fc.anything() }),
    fc.record({
      kind: fc.constant('AdmissionReview'),
      apiVersion: fc.constant('admission.k8s.io/v1'),
      response: fc.record(
        {
          uid: fc.constant('u'),
          allowed: fc.anything(),
          status: fc.anything(),
          patch: fc.oneof(fc.base64String(), fc.anything()),
          patchType: fc.oneof(fc.constant('JSONPatch'), fc.anything()),
          warnings: fc.oneof(fc.array(fc.anything()), fc.anything()),
          auditAnnotations: fc.anything(),
        },
        { requiredKeys: ['uid'] },
      ),
    }),
  );
  fc.assert(
    fc.property(garbage, fc.constantFrom('v1', 'v1beta1'), fc.boolean(), (body, version, mutating) => {
      let answer: Answer;
      try {
        answer = readAnswer(body, { version: version as 'v1', uid: 'u', mutating });
      } catch (error) {
        assert.ok(error instanceof BadAnswer);
        return;
      }
      assert.equal(typeof answer.allowed, 'boolean');
      assert.ok(answer.warnings.every((warning) => typeof warning === 'string'));
      const { code } = refusedBy('w.example.com', answer.result);
      assert.ok(code >= 400 && code <= 599, String(code));
    }),
    { numRuns: 1000 },
  );
});

test('both sides speak the first version that both know', () => {
  assert.equal(chooseVersion(['v2', 'v1beta1', 'v1']), 'v1beta1');
  assert.equal(chooseVersion(['v2']), undefined);
});

test('fields of an answer that are of a wrong type are told, or left out', () => {
  const expected = { version: 'v1', uid: 'u', mutating: false } as const;
  const odd = { toString: '' };
  assert.throws(() => readAnswer({ kind: odd, apiVersion: [odd], response: {} }, expected), BadAnswer);
  const details = {
    name: 'a',
    uid: odd,
    retryAfterSeconds: '1\r\nx: y',
    causes: [odd, null, { field: 'f', message: odd }],
    more: 1,
  };
  const response = { uid: 'u', allowed: false, status: { details } };
  const { result } = readAnswer({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response }, expected);
  assert.deepEqual(result?.details, { name: 'a', causes: [{}, { field: 'f' }] });
});
