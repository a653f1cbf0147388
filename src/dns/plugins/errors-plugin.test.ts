import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RCODE } from '../message/constants.ts';
import { chain, question } from './chain.test-support.ts';
import { emptyReply } from './plugin.ts';

const TIMEOUT = 'read udp 10.0.0.1:53: i/o timeout';

/** What is said of some queries that fail, before and after some time. */
async function saidOf(lines: string, errors: readonly (string | undefined)[], waitMs = 60_000) {
  const left = [...errors];
  const { clock, resolve, logged } = chain(lines, () => emptyReply(RCODE.SERVFAIL, 'forward', left.shift()));
  for (const [i] of errors.entries()) await resolve(question(`h${i}.example.org.`));
  const first = logged.splice(0);
  await clock.advance(waitMs);
  return [first, logged];
}

test('a query that failed is told with its code, name, type and reason; one that another server has failed is not', async () => {
  assert.deepEqual(await saidOf('errors', ['no next plugin found', undefined]), [
    ['error plugin/errors: 2 h0.example.org. A: no next plugin found'],
    [],
  ]);
});

test('many errors of one moment are one line, and the next says how many there were', async () => {
  const { clock, resolve, logged } = chain('errors stdout', () => emptyReply(RCODE.SERVFAIL, '', 'down'));
  for (let i = 0; i < 5; i++) await resolve(question('a.'));
  await clock.advance(1000);
  await resolve(question('b.'));
  assert.deepEqual(logged, ['error plugin/errors: 2 a. A: down', 'error plugin/errors: 2 b. A: down {"alsoFailed":4}']);
});

const CONSOLIDATED: readonly [lines: string, errors: readonly string[], first: readonly string[], later: readonly string[]][] = [
  [
    'consolidate 30s "^read udp .* i/o timeout$"',
    [TIMEOUT, TIMEOUT, TIMEOUT],
    [],
    ["error plugin/errors: 3 errors like '^read udp .* i/o timeout$' occurred in last 30s"],
  ],
  ['consolidate 30s timeout warning', [TIMEOUT], [], ["warning plugin/errors: 1 errors like 'timeout' occurred in last 30s"]],
  [
    'consolidate 30s timeout info show_first',
    [TIMEOUT, TIMEOUT],
    [`info plugin/errors: 2 h0.example.org. A: ${TIMEOUT}`],
    ["info plugin/errors: 2 errors like 'timeout' occurred in last 30s"],
  ],
  ['consolidate 30s timeout show_first', [TIMEOUT], [`error plugin/errors: 2 h0.example.org. A: ${TIMEOUT}`], []],
  [
    'consolidate 20s timeout\nconsolidate 30s .*',
    [TIMEOUT, 'other'],
    [],
    [
      "error plugin/errors: 1 errors like 'timeout' occurred in last 20s",
      "error plugin/errors: 1 errors like '.*' occurred in last 30s",
    ],
  ],
  ['consolidate 30s timeout', ['other'], ['error plugin/errors: 2 h0.example.org. A: other'], []],
];
for (const [lines, errors, first, later] of CONSOLIDATED)
  test(`errors { ${lines} } and ${errors.length} errors`, async () => {
    assert.deepEqual(await saidOf(`errors {\n${lines}\n}`, errors), [first, later]);
  });

for (const [lines, problem] of [
  ['errors /var/log/dns', /invalid log file: \/var\/log\/dns/],
  ['errors {\n consolidate 30s\n}', /wrong argument count/],
  ['errors {\n consolidate soon .*\n}', /soon/],
  ['errors {\n consolidate 30s (\n}', /invalid expression of consolidate/],
  ['errors {\n consolidate 30s .* loud\n}', /unknown log level argument in consolidate: loud/],
  ['errors {\n consolidate 30s .* show_first info\n}', /unknown log level/],
  ['errors {\n panic\n}', /unknown property 'panic'/],
] as const)
  test(`${JSON.stringify(lines)} is refused`, () => {
    assert.throws(() => chain(lines, () => emptyReply(RCODE.SERVFAIL)), problem);
  });

test('a failure that the cache remembers is told once', async () => {
  const { resolve, logged } = chain('errors\n cache', () => emptyReply(RCODE.SERVFAIL, 'forward', 'down'));
  for (let i = 0; i < 3; i++) assert.equal((await resolve(question('a.'))).rcode, RCODE.SERVFAIL);
  assert.deepEqual(logged, ['error plugin/errors: 2 a. A: down']);
});
