import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { decide } from './decide.ts';
import { explanation, explanationText } from './explain-csr.ts';
import { servingFacts } from './facts.test-support.ts';

test('what one who asks calls his node moves no cursor, and runs nothing in a line that is copied', () => {
  const nodeName = 'x; echo pwned\u001b[2K $(echo pwned)';
  const facts = { ...servingFacts(), nodeName, node: undefined };
  const reported = { csr: facts.csr, facts, decision: decide(facts), actual: 'Pending' as const };
  const text = explanationText(reported);
  assert.ok(!text.includes('\u001b'));
  assert.match(text, /certificate of node x; echo pwned\\x1b\[2K/);
  const { rules } = explanation(reported) as { rules: { remedy?: string }[] };
  const remedy = rules.map((rule) => rule.remedy ?? '').find((line) => line.startsWith('kubectl get node '));
  const printed = execFileSync('sh', [
    '-c',
    `kubectl() { printf '%s\\n' "$3"; }; ${remedy!.split('; ').slice(0, -1).join('; ')}`,
  ]);
  assert.equal(printed.toString(), `${nodeName}\n`);
});
