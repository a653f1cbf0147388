import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { VirtualClock } from '../std/clock.ts';
import type { CommandIo } from '../std/command.ts';
import { nearestCommand, resolveCommand } from './command-table.ts';
import { commandTable } from './commands.ts';
import { main } from './main.ts';

function recordingIo(env: Record<string, string> = {}) {
  const out = { stdout: '', stderr: '' };
  const io: CommandIo = {
    stdout: (text) => {
      out.stdout += text;
    },
    stderr: (text) => {
      out.stderr += text;
    },
    clock: new VirtualClock(0),
    signal: new AbortController().signal,
    random: () => 0.5,
    env: { HOME: '/nonexistent', ...env },
    cwd: '/',
    ready() {},
  };
  return { out, io };
}

async function run(invokedAs: string, ...argv: string[]) {
  const { out, io } = recordingIo();
  return { status: await main(invokedAs, argv, io), ...out };
}

test('help is there at every level and is no failure', async () => {
  for (const argv of [[], ['--help'], ['-h'], ['help']]) {
    const { status, stdout } = await run('muster', ...argv);
    assert.equal(status, 0);
    assert.match(stdout, /^ {2}up +start a cluster/m);
  }
  assert.match((await run('muster', 'help', 'token')).stdout, /^Usage: muster token COMMAND/);
  assert.match((await run('muster', 'token', 'create', '--help')).stdout, /--print-join-command/);
  assert.match((await run('muster', 'help', 'token', 'create')).stdout, /--print-join-command/);
});

test('the version is asked for by a command or a flag', async () => {
  const { status, stdout } = await run('muster', '--version');
  assert.equal(status, 0);
  assert.match(stdout, /^muster \d+\.\d+\.\d+ \(Kubernetes v1\.\d+\.\d+, Node v\d/);
  assert.equal((await run('muster', 'version')).stdout, stdout);
  assert.equal((await run('muster', 'version', '-o', 'yaml')).status, 2);
});

test('a time that nobody can wait for is refused before anything is looked at', async () => {
  for (const words of [['doctor'], ['explain', 'node', 'n'], ['rescue']]) {
    const { status, stderr } = await run('muster', ...words, '--timeout', '0s');
    assert.equal(status, 2, stderr);
    assert.match(stderr, /: --timeout: must be more than 0;/);
  }
});

test('down --all takes no directory for a cluster that is called as none can be, and when it is interrupted deletes no more', async () => {
  await using home = await temporaryDirectory();
  const place = (...names: string[]) => join(home.path, 'clusters', ...names);
  for (const name of ['one', 'lost+found']) {
    mkdirSync(place(name), { recursive: true });
    writeFileSync(place(name, 'kept'), '');
  }
  const { io, out } = recordingIo({ MUSTER_HOME: home.path });
  const signal = AbortSignal.abort(new DOMException('received SIGINT', 'AbortError'));
  assert.equal(await main('muster', ['down', '--all'], { ...io, signal }), 1);
  assert.equal(out.stderr, 'muster down: received SIGINT\n');
  assert.ok(existsSync(place('one', 'kept')));
  assert.equal(await main('muster', ['down', '--all'], io), 0);
  assert.equal(out.stdout, 'Cluster "one" is deleted\n');
  assert.ok(existsSync(place('lost+found', 'kept')));
});

test('a word that is no command is named, with the one that was meant', async () => {
  assert.deepEqual(await run('muster', 'stauts'), {
    status: 2,
    stdout: '',
    stderr: 'muster: unknown command "stauts"; did you mean "status"?\n',
  });
  assert.match((await run('muster', 'frobnicate')).stderr, /unknown command "frobnicate"; "muster --help" lists the commands/);
  assert.match((await run('muster', '--frobnicate')).stderr, /unknown flag "--frobnicate"/);
});

test('a flag that is not there is named and is wrong usage', async () => {
  const { status, stderr } = await run('muster', 'ls', '--nope');
  assert.equal(status, 2);
  assert.equal(stderr, 'muster ls: unknown flag: --nope; "muster ls --help" lists the flags\n');
});

test('words beside flags are in the usage of who takes them and are refused by all others', async () => {
  assert.match((await run('muster', 'link', '--help')).stdout, /^Usage: muster link DIR \[flags\]$/m);
  assert.match((await run('kubeadm', 'token', 'create', '--help')).stdout, /^Usage: kubeadm token create \[TOKEN\] \[flags\]$/m);
  assert.match(
    (await run('muster', 'explain', 'csr', '--help')).stdout,
    /^Say of .*\n\nUsage: muster explain csr NAME \[flags\]$/m,
  );
  for (const command of ['status', 'kubeconfig', 'down', 'version', 'token generate', 'token list', 'certs list', 'doctor']) {
    const { status, stderr } = await run('muster', ...command.split(' '), 'word');
    assert.equal(status, 2, command);
    assert.match(stderr, new RegExp(`^muster ${command}: unexpected argument "word"`));
  }
  assert.match((await run('muster', 'status', 'word')).stderr, /the cluster is named by --name/);
});

test('what fails is one line that says what to do, and status 1', async () => {
  const { status, stderr } = await run('muster', 'status');
  assert.equal(status, 1);
  assert.match(stderr, /^muster status: there is no cluster "muster"; .*"muster up --name muster" starts it\n$/);
});

test('the name that the program was started as picks the command', async () => {
  assert.match((await run('/usr/local/bin/kubeadm', 'token', 'generate')).stdout, /^[a-z0-9]{6}\.[a-z0-9]{16}\n$/);
  assert.match((await run('/x/muster.js', 'kubeadm', 'token', 'generate')).stdout, /^[a-z0-9]{6}\.[a-z0-9]{16}\n$/);
  assert.match((await run('kubeadm', 'init')).stderr, /^kubeadm: unknown command "init"/);
});

test('values of up that make no sense are wrong usage', async () => {
  for (const argv of [
    ['--runtime', 'docker'],
    ['--store', 'disk'],
    ['--store', 'etcd=127.0.0.1'],
    ['--store', 'etcd=https://127.0.0.1', '--etcd-keyfile', 'k'],
    ['--nodes', '-1'],
    ['--port', '0'],
    ['--name', 'A_B'],
    ['-o', 'xml'],
    ['extra'],
  ])
    assert.equal((await run('muster', 'up', ...argv)).status, 2, argv.join(' '));
});

test('commands are found word by word, and near misses are few', () => {
  assert.equal(resolveCommand(commandTable, 'muster', ['token', 'list', '-o', 'json']).type, 'command');
  assert.equal(nearestCommand('kubeletd', commandTable), 'kubelet');
  assert.equal(nearestCommand('xyz', commandTable), undefined);
});
