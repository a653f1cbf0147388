import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestBody } from './request-body.ts';

test('the largest integer of 64 bits is written as it was read, and nothing else is touched', () => {
  const read = JSON.parse(
    '{"a":[9223372036854775807],"b":"9223372036854776000","c":{"d":1.5,"e":null},"__proto__":{"f":9223372036854775807}}',
  );
  assert.equal(
    requestBody(read),
    '{"a":[9223372036854775807],"b":"9223372036854776000","c":{"d":1.5,"e":null},"__proto__":{"f":9223372036854775807}}',
  );
  assert.equal(requestBody({ a: 1, b: undefined }), '{"a":1}');
});
