import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf } from '../../../../std/grpc/message-schema.ts';
import { CONTAINERD_MESSAGES } from '../images/containerd-client.ts';
import { CRI_MESSAGES } from './cri-client.ts';
import { SIGNALS } from './enums.ts';

const SCALARS = new Set(['string', 'bytes', 'bool', 'double', 'int32', 'int64', 'uint32', 'uint64', 'enum']);

for (const [api, messages] of Object.entries({ CRI: CRI_MESSAGES, containerd: CONTAINERD_MESSAGES }))
  test(`each field of ${api}'s messages has a number of its own and a type that there is`, () => {
    const known: Readonly<Record<string, unknown>> = messages;
    for (const [name, schema] of Object.entries(messages)) {
      const fields = fieldsOf(schema);
      assert.equal(new Set(fields.map(({ number }) => number)).size, fields.length, name);
      for (const field of fields)
        assert.ok(SCALARS.has(field.type) || field.type in known, `${name}.${field.name}: ${field.type}`);
    }
  });

test('the signals are numbered as the API numbers them', () => {
  const named = ['SIGTERM', 'SIGUSR1', 'SIGXFSZ', 'SIGRTMIN', 'SIGRTMIN+15', 'SIGRTMAX-14', 'SIGRTMAX'];
  assert.deepEqual(
    named.map((name) => SIGNALS.indexOf(name)),
    [23, 29, 34, 35, 50, 51, 65],
  );
});
