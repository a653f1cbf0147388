import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import type { Answer, ApiRequest } from './api-exchange.ts';
import { journalArguments, parseNodeLogQuery } from './node-log-query.ts';
import { createNodeLogs } from './node-logs.ts';

const parse = (text: string) => parseNodeLogQuery(new URLSearchParams(text));

test('a path alone is no query', () => assert.equal(parse('x=1'), undefined));

test('services and their options become arguments of journalctl', () => {
  const asked = parse('query=kubelet&query=sshd&sinceTime=2026-01-01T00:00:00Z&tailLines=10&boot=-1&pattern=a%20b');
  assert.ok(asked && 'query' in asked);
  assert.deepEqual(journalArguments(asked.query.services, asked.query), [
    ...['--utc', '--no-pager', '--output=short-precise', '--since=2026-01-01 00:00:00', '--lines=10'],
    ...['--unit=kubelet', '--unit=sshd', '--grep=a b', '--case-sensitive=false', '--boot=-1'],
  ]);
});

for (const [text, status, why] of [
  ['query=', 400, 'query cannot be empty'],
  ['tailLines=5', 406, 'cannot be empty with options'],
  ['query=kubelet&query=/a.log', 406, 'cannot specify a file and service'],
  ['query=/a.log&query=/b.log', 406, 'cannot specify more than one file'],
  ['query=/a.log&tailLines=1', 406, 'cannot specify file with options'],
  ['query=a;b', 406, 'input contains unsupported characters'],
  ['query=--root', 406, 'input contains unsupported characters'],
  ['query=..', 406, 'input contains unsupported characters'],
  ['query=a&query=b&query=c&query=d&query=e', 406, 'no more than 4 services at a time'],
  ['query=a&sinceTime=noon', 400, 'cannot be understood'],
  ['query=a&sinceTime=2026-01-02T00:00:00Z&untilTime=2026-01-01T00:00:00Z', 406, 'must be after `sinceTime`'],
  ['query=a&boot=1', 406, 'must be less than 1'],
  ['query=a&tailLines=100001', 406, 'must be between 0 and 100000, inclusive'],
] as const)
  test(`the query ${text} is refused: ${why}`, () => {
    const answer = parse(text);
    assert.ok(answer && 'status' in answer);
    assert.deepEqual([answer.status, answer.message.endsWith(why)], [status, true]);
  });

test('no service’s name becomes an option or leaves the log directory', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (name) => {
      const asked = parse(new URLSearchParams({ query: name }).toString());
      if (!asked || !('query' in asked)) return;
      for (const service of asked.query.services) assert.match(service, /^(?!-)(?!\.+$)[\w@.-]+$/);
    }),
  );
});

test('services without a journal are read from files that bear their names', async () => {
  await using directory = await temporaryDirectory();
  await mkdir(join(directory.path, 'nginx'));
  await writeFile(join(directory.path, 'nginx', 'nginx.log'), 'of nginx\n');
  await writeFile(join(directory.path, 'apt.log'), 'of apt\n');
  const calls: string[][] = [];
  const run: RunProgram = async (program, args) => {
    calls.push([program, ...args]);
    return { stdout: args.includes('--field=_SYSTEMD_UNIT') ? 'kubelet.service\n' : 'of the journal\n', stderr: '' };
  };
  const ask = async (query: string, runs: RunProgram = run) => {
    const request = { path: '/logs/', query: new URLSearchParams(query), signal: new AbortController().signal };
    const { status, body } = (await createNodeLogs({ root: directory.path, run: runs })(request as ApiRequest, {})) as Answer;
    if (typeof body === 'string' || body instanceof Uint8Array) return [status, String(body)];
    let text = '';
    for await (const chunk of body) text += Buffer.from(chunk).toString('utf8');
    return [status, text];
  };
  assert.deepEqual(await ask('query=kubelet&query=nginx&query=apt'), [200, 'of the journal\nof nginx\nof apt\n']);
  assert.equal(calls.at(-1)!.includes('--unit=kubelet'), true);
  assert.equal(calls.at(-1)!.includes('--unit=nginx'), false);
  const missing: RunProgram = async (program, args) => {
    throw new ProgramError('no such program', 'PROGRAM_MISSING', { program, args, exitCode: null, stdout: '', stderr: '' });
  };
  assert.deepEqual(await ask('query=apt', missing), [200, 'of apt\n']);
  assert.deepEqual(await ask('query=/apt.log'), [200, 'of apt\n']);
  assert.match(String((await ask('query=none'))[1]), /error: journal and log files have nothing of none/);
});
