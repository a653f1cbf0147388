import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FlagError } from '../std/flags.ts';
import { parseTaint } from './flag-values.ts';
import { podPathsOf } from './open-runtime.ts';

test('pods are kept as upstream keeps them; logs elsewhere have their links beside them', () => {
  assert.deepEqual(podPathsOf('/var/lib/kubelet', '/var/log/pods'), {
    root: '/var/lib/kubelet',
    logs: '/var/log/pods',
    containerLogs: '/var/log/containers',
  });
  assert.equal(podPathsOf('/data/kubelet', '/data/logs/pods').containerLogs, '/data/logs/containers');
});

test('any text is a taint or refused by the name of its flag', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('NoSchedule', 'PreferNoSchedule', 'NoExecute', 'Never'), (text, effect) => {
      try {
        const taint = parseTaint(`${text}:${effect}`);
        assert.equal(
          `${taint.key}${taint.value === undefined ? '' : `=${taint.value}`}`.replace(/=$/, ''),
          text.replace(/=$/, ''),
        );
      } catch (error) {
        assert.ok(error instanceof FlagError && error.flag === '--register-with-taints', String(error));
      }
    }),
    { verbose: 1 },
  );
});
