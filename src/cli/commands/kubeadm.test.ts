import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { FlagError } from '../../std/flags.ts';
import { resolveCommand } from '../command-table.ts';
import { commandTable } from '../commands.ts';
import { main } from '../main.ts';
import { tokenFormat } from '../token/token-format.ts';

async function kubeadm(...argv: string[]) {
  const out = { stdout: '', stderr: '' };
  const status = await main('kubeadm', argv, {
    stdout: (text) => {
      out.stdout += text;
    },
    stderr: (text) => {
      out.stderr += text;
    },
    ...{ clock: new VirtualClock(0), signal: new AbortController().signal, random: () => 0.5, env: {}, cwd: '/', ready() {} },
  });
  return { status, ...out };
}

test('flags that all commands share may stand before the name of the command, as cobra has it', () => {
  const resolve = (...argv: string[]) => {
    const found = resolveCommand(commandTable, 'muster', ['kubeadm', ...argv]);
    return found.type === 'command' ? [found.entry.name, ...found.rest] : [found.type];
  };
  assert.deepEqual(resolve('--kubeconfig', 'f', 'token', 'list', '-o', 'json'), ['list', '--kubeconfig', 'f', '-o', 'json']);
  assert.deepEqual(resolve('token', '--kubeconfig=f', '--dry-run', 'create', 'x'), [
    'create',
    '--kubeconfig=f',
    '--dry-run',
    'x',
  ]);
  assert.deepEqual(resolve('-v', '5', 'token', 'generate'), ['generate', '-v', '5']);
  assert.deepEqual(resolve('token', '--ttl=1h', 'create'), ['unknown']);
});

test('a token can be generated with any of the shared flags, and none of them is asked for more', async () => {
  const { status, stdout } = await kubeadm('token', 'generate', '--kubeconfig=none', '--dry-run');
  assert.equal(status, 0);
  assert.match(stdout, /^[a-z0-9]{6}\.[a-z0-9]{16}\n$/);
});

test("kubeadm's configuration file is refused, not passed over", async () => {
  const { status, stderr } = await kubeadm('token', 'create', '--config=init.yaml');
  assert.equal(status, 2);
  assert.match(stderr, /--config: files of kubeadm are not read; say it with --description/);
});

test('kubeadm version speaks in all forms', async () => {
  assert.match((await kubeadm('version', '-o', 'short')).stdout, /^v1\.\d+\.\d+\n$/);
  assert.match((await kubeadm('version')).stdout, /^kubeadm version: v1\./);
  assert.equal(JSON.parse((await kubeadm('version', '-o', 'json')).stdout).clientVersion.major, '1');
  assert.match((await kubeadm('version', '-o', 'yaml')).stdout, /^clientVersion:\n {2}compiler: /);
  assert.equal((await kubeadm('version', '-o', 'foo')).status, 2);
});

describe('kubeadm token list -o', () => {
  const token = { id: 'f1rva3', secret: '0wc2ntvng9a1i95k', description: 'yes', expiresMs: 0, usages: ['signing'], groups: [] };
  const write = async (output: string, allowMissing = true) => (await tokenFormat(output, allowMissing))([token], 0);

  it('writes YAML as Kubernetes does: sorted, lists not indented, no string taken for something else', async () => {
    assert.equal(
      await write('yaml'),
      `apiVersion: output.kubeadm.k8s.io/v1alpha3
description: "yes"
expires: "1970-01-01T00:00:00Z"
kind: BootstrapToken
token: f1rva3.0wc2ntvng9a1i95k
usages:
- signing
`,
    );
  });

  it('takes a template of JSON paths', async () => {
    assert.equal(await write('jsonpath={.token}{"\\n"}'), 'f1rva3.0wc2ntvng9a1i95k\n');
    assert.equal(await write("jsonpath=is {.usages} {.groups}{'}'}"), 'is ["signing"] }');
    await assert.rejects(write('jsonpath={.groups}', false), FlagError);
  });

  it('refuses what it does not know, by name', async () => {
    await assert.rejects(write('name'), /"name" for "-o, --output" flag: must be text, json, yaml or jsonpath/);
    await assert.rejects(write('jsonpath={.token'), /jsonpath=\{\.token: unclosed/);
    await assert.rejects(write('jsonpath={range .usages}{end}'), /range is not supported/);
  });
});
