import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from '../../host/run-program.ts';
import { checkClocks, formatChecks, parseHostState } from './checks.ts';
import { verifyScript } from './verify-script.ts';

test('a host tells its time with what is looked at on it', async () => {
  const before = Math.floor(Date.now() / 1000);
  const { stdout } = await runProgram('sh', ['-c', verifyScript([], '/no/kubeconfig', '/no/directory')]);
  const { time } = parseHostState(stdout);
  assert.ok(time >= before && time <= Date.now() / 1000, String(time));
});

test('a clock that goes wrong is told by the host that has it', () => {
  const askedAt = new Map(['a', 'b', 'c'].map((name) => [name, { from: 1000, to: 1001 }]));
  const at = (c: number) => [checkClocks(new Map(Object.entries({ a: 1000, b: 1001, c })), askedAt)].flat();
  assert.equal(formatChecks(at(1020)), 'ok    the clocks of all hosts agree\nall 1 checks hold\n');
  assert.match(
    formatChecks(at(1600)),
    /^FAIL {2}the clocks of all hosts agree: c: its clock is 59\d s ahead of that of b; 30 are allowed\n/,
  );
  assert.match(formatChecks(at(400)), /c: its clock is 59\d s behind that of a/);
});
