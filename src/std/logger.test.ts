import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKlogLogger, type KlogOptions } from './logger.ts';

function logged(options: Partial<KlogOptions>) {
  const lines: string[] = [];
  const logger = createKlogLogger({
    component: 'kubelet',
    verbosity: 2,
    now: () => 1_700_000_000_123,
    write: (line) => lines.push(line),
    ...options,
  });
  return { logger, lines };
}

test('--logging-format=json writes one object a line: milliseconds, verbosity but not of errors, names beside the own ones', () => {
  const { logger, lines } = logged({ format: 'json' });
  const child = logger.child({ part: 'store' });
  child.info('started', { port: 6443, msg: 'mine' });
  child.debug(2, 'seen');
  child.debug(3, 'not seen');
  logger.error('failed', { error: new Error('no route'), path: '/a' });
  assert.ok(lines.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n')));
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { ts: 1_700_000_000_123, caller: 'kubelet', msg: 'started', v: 0, part: 'store', port: 6443, msg_: 'mine' },
      { ts: 1_700_000_000_123, caller: 'kubelet', msg: 'seen', v: 2, part: 'store' },
      { ts: 1_700_000_000_123, caller: 'kubelet', msg: 'failed', err: 'no route', path: '/a' },
    ],
  );
});

test('secrets are printed in neither format', () => {
  for (const format of ['text', 'json'] as const) {
    const { logger, lines } = logged({ format });
    logger.warn('refused', { bearerToken: 's3cr3t', password: 's3cr3t' });
    assert.match(lines[0]!, /REDACTED/);
    assert.doesNotMatch(lines[0]!, /s3cr3t/);
  }
});

test('integers beyond those of numbers are printed in both formats', () => {
  for (const format of ['text', 'json'] as const) {
    const { logger, lines } = logged({ format });
    logger.warn('odd', { amount: 2n ** 60n, fields: { revision: 2n ** 60n } });
    assert.equal(lines[0]!.split('1152921504606846976').length, 3, lines[0]);
  }
});
