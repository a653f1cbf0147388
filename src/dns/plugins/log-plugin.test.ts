import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RCODE } from '../message/constants.ts';
import { addressRecord } from '../message/records.ts';
import { chain, question } from './chain.test-support.ts';
import { emptyReply, type Query, type Reply } from './plugin.ts';

const asked: Query = {
  ...question('Example.org.'),
  ...{ id: 29_008, remoteAddress: '127.0.0.1', remotePort: 50_759, size: 41 },
  edns: { size: 4096, version: 0, dnssecOk: false },
};
const answer: Reply = {
  ...emptyReply(RCODE.NOERROR),
  ...{ authoritative: true, recursionAvailable: true },
  answers: [addressRecord('Example.org.', '192.0.2.1', 30)!],
};

async function lineOf(lines: string, query: Query = asked, reply: Reply = answer): Promise<string | undefined> {
  const { resolve, logged } = chain(lines, () => reply);
  await resolve(query);
  assert.ok(logged.length <= 1);
  return logged[0];
}

const IPV6: Query = { ...asked, remoteAddress: 'fd00::1', transport: 'tcp', edns: undefined };
for (const [lines, expected, query, reply] of [
  // 12 of the header, 17 of the question, 16 of the record, 11 of OPT.
  ['log', 'info 127.0.0.1:50759 - 29008 "A IN Example.org. udp 41 false 4096" NOERROR qr,aa,rd,ra 56 0.000000000s'],
  ['log', 'info [fd00::1]:50759 - 29008 "A IN Example.org. tcp 41 false 512" NOERROR qr,aa,rd,ra 45 0.000000000s', IPV6],
  ['log . "{type} {name} {>id} {rcode} {nothing}"', 'info A Example.org. 29008 NOERROR -'],
  [
    'log . {combined}',
    'info 127.0.0.1:50759 - 29008 "A IN Example.org. udp 41 false 4096" NOERROR qr,aa,rd,ra 56 0.000000000s "0"',
  ],
  ['log other.test', undefined],
  ['log . {\n class denial error\n}', undefined],
  ['log . "{rcode}" {\n class denial\n}', 'info NXDOMAIN', asked, emptyReply(RCODE.NXDOMAIN)],
  ['log . "{rcode}" {\n class denial\n}', 'info NOERROR', asked, emptyReply(RCODE.NOERROR)],
  ['log . "{rcode}" {\n class error\n}', 'info SERVFAIL', asked, emptyReply(RCODE.SERVFAIL)],
  ['log . "{rcode}" {\n class success\n}', undefined, asked, emptyReply(RCODE.SERVFAIL)],
] as const)
  test(`${JSON.stringify(lines)} says ${expected ?? 'nothing'}`, async () => {
    assert.equal(await lineOf(lines, query, reply), expected);
  });

test('classes and properties that there are not are refused', () => {
  for (const [lines, problem] of [
    ['log . {\n class best\n}', /log: unknown class best/],
    ['log . {\n class\n}', /wrong argument count/],
    ['log . {\n file x\n}', /log: file is not supported/],
  ] as const)
    assert.throws(() => chain(lines, () => answer), problem);
});
