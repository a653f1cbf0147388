/** Programs of operators, good and bad ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCommandSource } from './command-source.ts';
import type { AskedName } from './name-source.ts';

const signal = new AbortController().signal;
const names: AskedName[] = [
  { kind: 'address', value: '10.0.0.1' },
  { kind: 'dns', value: 'node-1' },
];
const ask = (script: string, timeoutMs = 60_000) =>
  createCommandSource(['sh', '-c', script], timeoutMs).ask('node-1', names, signal);

test('a program is asked on its standard input and answers on its output', async () => {
  const script = `grep -q '"node":"node-1"' && echo '{"answers": {"10.0.0.1": "own", "node-1": "node: node-2"}}'`;
  assert.deepEqual(await ask(script), ['own', { owner: 'node-2' }]);
});

for (const [what, script, complaint] of [
  ['fails', 'echo the address book is away >&2; exit 3', /status 3: the address book is away/],
  ['says nothing', 'true', /not JSON/],
  ['talks', 'echo yes', /not JSON/],
  ['answers something else', `echo '{"answers": {"10.0.0.1": "mine"}}'`, /must be own, unknown or/],
  ['gives a list', `echo '{"answers": ["own"]}'`, /answers must be an object/],
  ['never stops talking', 'yes', /printed more than 1048576 bytes/],
] as const)
  test(`a program that ${what} could not be asked`, () => assert.rejects(ask(script), complaint));

test('a program that hangs could not be asked', () => assert.rejects(ask('exec sleep 300', 50), /did not end within 50 ms/));
