import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../test/harness/free-port.ts';
import { systemClock } from '../std/clock.ts';
import { FlagError, parseFlags } from '../std/flags.ts';
import { dnsCommand } from './command.ts';
import { TYPE } from './message/constants.ts';
import { askUdp } from './server/test-server.ts';

async function run(argv: readonly string[], signal: AbortSignal, ready: () => void = () => undefined): Promise<number> {
  return dnsCommand.run(parseFlags('dns', dnsCommand.flags, argv), {
    stdout: () => undefined,
    stderr: () => undefined,
    clock: systemClock,
    signal,
    random: Math.random,
    env: { ADDRESS: '10.0.0.7' },
    cwd: '/',
    ready,
  });
}

test('CoreDNS’s flags start a server, which ends when it is told', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'muster-dns-'));
  try {
    const [file, port] = [join(directory, 'Corefile'), await freePort()];
    await writeFile(join(directory, 'own.hosts'), '10.0.0.8 b.test\n');
    await writeFile(file, '. {\n hosts own.hosts {\n {$ADDRESS} a.test\n }\n errors\n}');
    const life = new AbortController();
    const { promise: isReady, resolve: ready } = Promise.withResolvers<void>();
    const ended = run(['-conf', file, `-dns.port=${port}`, '--bind-address', '127.0.0.1'], life.signal, ready);
    await Promise.race([isReady, ended]);
    assert.equal((await askUdp(port, 'a.test.', TYPE.A)).answers.length, 1);
    assert.equal((await askUdp(port, 'b.test.', TYPE.A)).answers.length, 1);
    life.abort(new DOMException('told', 'AbortError'));
    assert.equal(await ended, 0);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('what cannot be used is refused before anything listens', async () => {
  const { signal } = new AbortController();
  await assert.rejects(run(['-conf', '/nonexistent/Corefile'], signal), /cannot read the Corefile: ENOENT/);
  await assert.rejects(run(['-dns.port', '0'], signal), FlagError);
  await assert.rejects(run(['--bind-address', 'eth0'], signal), FlagError);
  await assert.rejects(run(['word'], signal), /unexpected argument "word"/);
});
