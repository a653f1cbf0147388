import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../client/client.ts';
import { VirtualClock } from '../std/clock.ts';
import { parseFlags } from '../std/flags.ts';
import { approverCommand } from './command.ts';
import { openSources } from './settings.ts';

const open = (...argv: string[]) =>
  openSources(parseFlags('approver', approverCommand.flags, argv).values, undefined as unknown as Client, new VirtualClock(0));

test('an inventory that is not there is told at once: nothing would be decided, and nothing would say why', () => {
  assert.throws(() => open('--names-file=/nowhere/nodes.yaml'), {
    code: 'FLAG_INVALID',
    message: '--names-file: there is no file "/nowhere/nodes.yaml"',
  });
  assert.throws(() => open('--names-file=/'), /there is no file "\/"/);
  assert.deepEqual(open(`--names-file=${import.meta.filename}`).length, 1);
});
