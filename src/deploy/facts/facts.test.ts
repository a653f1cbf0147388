import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { runProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { FACTS_SCRIPT, factsInput } from './facts-script.ts';
import { parseFacts } from './parse-facts.ts';

const nothing = { files: [], units: [], programs: [], libraries: [], sysctls: [], accounts: [], numbers: [], certificates: [] };

async function look(question: Partial<Parameters<typeof factsInput>[0]>) {
  const { stdout } = await runProgram('sh', ['-c', FACTS_SCRIPT], { input: factsInput({ ...nothing, ...question }) });
  return { stdout, facts: parseFacts(stdout) };
}

test('the script says of this machine what the parser reads', async () => {
  await using directory = await temporaryDirectory();
  const text = 'one\ntwo\n';
  await writeFile(directory.file('text'), text);
  await chmod(directory.file('text'), 0o640);
  await symlink('text', directory.file('link'));
  const sha256 = createHash('sha256').update(text).digest('hex');
  const { facts } = await look({
    files: [
      { path: directory.file('text'), sha256: 'f'.repeat(64) },
      { path: directory.file('link') },
      { path: directory.path },
      { path: directory.file('missing') },
    ],
    programs: ['sh', 'no-such-program'],
    libraries: ['libc.so.6', 'libc.so'],
    sysctls: ['net.ipv4.ip_forward', 'net.ipv4.tcp_tw_recycle'],
    accounts: ['root', 'nobody-of-this-name'],
    numbers: [0, 4_000_000_001],
  });
  const file = facts.files.get(directory.file('text'));
  assert.equal(file?.type === 'file' && file.sha256, sha256);
  assert.equal(file?.type === 'file' && file.content, text);
  assert.equal(file?.type === 'file' && file.mode, 0o640);
  assert.deepEqual(facts.files.get(directory.file('link')), { type: 'link', target: 'text' });
  assert.equal(facts.files.get(directory.path)?.type, 'directory');
  assert.equal(facts.files.has(directory.file('missing')), false);
  assert.deepEqual([...facts.programs], ['sh']);
  assert.deepEqual([...facts.libraries], ['libc.so.6']);
  assert.match(facts.sysctls.get('net.ipv4.ip_forward')?.value ?? '', /^[01]$/);
  assert.deepEqual(facts.accounts.get('root'), { uid: 0, gid: 0 });
  assert.equal(facts.accounts.size, 1);
  assert.deepEqual(facts.holders, { passwd: new Map([[0, 'root']]), group: new Map([[0, 'root']]) });
  assert.ok(facts.memoryKiB > 0 && facts.cpus > 0 && facts.time > 1e9);
});

test('who may read a file by an access list is said where that was asked, and lists can be read', async () => {
  await using directory = await temporaryDirectory();
  const bin = directory.file('bin');
  await mkdir(bin);
  // As getfacl prints a list, the second cut by its mask; no package acl is needed here.
  const list = (more: string) => `printf 'user::rw-\\nuser:kube:r--${more}\\ngroup::---\\nmask::---\\nother::---\\n\\n'`;
  const program = `#!/bin/sh\ncase $3 in *cut) ${list('\\t#effective:---')} ;; *plain) : ;; *) ${list('')} ;; esac\n`;
  await writeFile(join(bin, 'getfacl'), program, { mode: 0o755 });
  const files = ['listed', 'cut', 'plain'].map((name) => ({ path: directory.file(name), reader: 'kube' }));
  for (const { path } of files) await writeFile(path, 'x');
  const script = FACTS_SCRIPT.replace('PATH=', `PATH=${bin}:`);
  const ask = async (asked: readonly { path: string; reader?: string }[]) => {
    const { stdout } = await runProgram('sh', ['-c', script], { input: factsInput({ ...nothing, files: asked }) });
    const seen = parseFacts(stdout).files;
    return asked.map(({ path }) => {
      const file = seen.get(path);
      return file?.type === 'file' ? file.reader : 'not there';
    });
  };
  assert.deepEqual(await ask(files), ['kube', undefined, undefined]);
  assert.deepEqual(await ask([{ path: files[0]!.path }]), [undefined]);
});

test('what is not shown is not answered: secrets, and what is as it should be', async () => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file('key'), 'secret words');
  const sha256 = createHash('sha256').update('secret words').digest('hex');
  const { stdout } = await look({ files: [{ path: directory.file('key') }, { path: directory.file('key'), sha256 }] });
  assert.doesNotMatch(stdout, /content/);
});

test('an answer that is cut short anywhere is refused', async () => {
  const { stdout } = await look({ files: [{ path: '/etc/passwd' }], programs: ['sh'] });
  for (let length = 0; length < stdout.length; length++)
    assert.throws(() => parseFacts(stdout.slice(0, length)), { code: 'FACTS_MALFORMED' });
});

test('whatever a host answers, it is read or refused with a code', async () => {
  const { stdout } = await look({ files: [{ path: '/etc/passwd' }], sysctls: ['net.ipv4.ip_forward'], accounts: ['root'] });
  const lines = stdout.split('\n');
  const mangled = fc.tuple(fc.nat(lines.length - 1), fc.string()).map(([at, text]) => lines.with(at, text).join('\n'));
  fc.assert(
    fc.property(fc.oneof(mangled, fc.string()), (text) => {
      try {
        parseFacts(text);
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
