import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { access, mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import { runProgram } from '../../host/run-program.ts';
import { contentOf, type FileStep, type Step } from '../desired/step.ts';
import { agentInput, agentScript } from './agent-script.ts';

const idOf = async (flag: string) => (await runProgram('id', [flag])).stdout.trim();
const [owner, group] = await Promise.all([idOf('-un'), idOf('-gn')]);

const file = (path: string, text: string | Uint8Array, mode = 0o640): Step & FileStep => ({
  ...{ type: 'file', phase: 'install', path, mode, owner, group, secret: false },
  content: contentOf(text),
});

async function carryOut(journal: string, input: Uint8Array) {
  return runProgram('sh', ['-c', agentScript(journal)], { input });
}

const bytesOf = (steps: readonly Step[]) => Buffer.concat([...agentInput(steps)]);

test('files of any bytes, directories and links are made with their modes, and what was there is kept', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  await writeFile(at('old'), 'what was there');
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
  const steps: Step[] = [
    { type: 'directory', phase: 'prepare', path: at('made', 'deep'), mode: 0o750, owner, group },
    file(at('made', 'bytes'), bytes),
    file(at('old'), 'new\n', 0o600),
    file(at('empty'), ''),
    { type: 'link', phase: 'install', path: at('link'), target: 'old' },
  ];
  const { stdout } = await carryOut(at('journal'), bytesOf(steps));
  assert.match(stdout, /\nend\n$/);
  assert.deepEqual(await readFile(at('made', 'bytes')), bytes);
  assert.equal(await readFile(at('old'), 'utf8'), 'new\n');
  assert.equal((await stat(at('old'))).mode & 0o777, 0o600);
  assert.equal((await stat(at('made', 'deep'))).mode & 0o777, 0o750);
  assert.equal(await readlink(at('link')), 'old');
  assert.equal(await readFile(at('journal', 'originals', at('old')), 'utf8'), 'what was there');
  const journal = (await readFile(at('journal', 'installed'), 'utf8')).split('\n');
  for (const line of [
    `parent\t${at('made')}`,
    `tree\t${at('made', 'deep')}`,
    `file\t${at('old')}`,
    `original\t${at('old')}`,
    `link\t${at('link')}`,
  ])
    assert.ok(journal.includes(line), line);
});

test('HOST-06: a file gets its access list before it lies where it is read, and one that cannot have any is told', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  await mkdir(at('bin'));
  // No package acl is needed here.
  const program = `#!/bin/sh\nls -l "$3" | cut -c 1-10 >> ${at('called')}; echo "$1 $2" "\${3##*/}" >> ${at('called')}\n`;
  await writeFile(at('bin', 'setfacl'), program, { mode: 0o755 });
  const run = (steps: readonly Step[]) =>
    runProgram('sh', ['-c', agentScript(at('journal')).replace('PATH=', `PATH=${at('bin')}:`)], { input: bytesOf(steps) });
  const listed = { ...file(at('kubeconfig'), 'secret'), reader: 'kube' };
  await run([listed, file(at('plain'), 'x')]);
  assert.equal(await readFile(at('called'), 'utf8'), '-rw-------\n-m u:kube:r kubeconfig.muster-deploy\n');
  await writeFile(at('bin', 'setfacl'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  await assert.rejects(
    run([{ ...listed, content: contentOf('other') }]),
    /cannot let kube read \S+kubeconfig by an access list: preparation\.acl: skip gives it a group/,
  );
  assert.equal(await readFile(at('kubeconfig'), 'utf8'), 'secret');
  assert.ok(!(await readdir(directory.path)).includes('kubeconfig.muster-deploy'));
});

test('HOST-07: files get their SELinux types where the policy has them, and stay as they are where it has not', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  await mkdir(at('bin'));
  const programs = {
    selinuxenabled: 'exit 0',
    chcon: `echo "$*" >> ${at('called')}`,
    stat: `case $* in "-c %C "*) echo unconfined_u:object_r:var_lib_t:s0 ;; *) exec /usr/bin/stat "$@" ;; esac`,
  };
  for (const [name, text] of Object.entries(programs)) await writeFile(at('bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const script = agentScript(at('journal'))
    .replace('PATH=', `PATH=${at('bin')}:`)
    .replaceAll('/sys/fs/selinux', at('selinux'));
  const step: Step = {
    type: 'directory',
    phase: 'prepare',
    path: at('kubelet'),
    mode: 0o700,
    owner,
    group,
    label: 'some_file_t',
  };
  const run = () => runProgram('sh', ['-c', script], { input: bytesOf([step]) });
  // The kernel refuses the write of a context that its policy does not know.
  await run();
  await assert.rejects(access(at('called')));
  await mkdir(at('selinux'));
  await run();
  assert.equal(await readFile(at('selinux', 'context'), 'utf8'), 'system_u:object_r:some_file_t:s0');
  assert.equal(await readFile(at('called'), 'utf8'), `-u system_u -t some_file_t ${at('kubelet')}\n`);
});

test('kernel parameters that a service sets by itself are kept before it starts, once, where they may be set at all', async () => {
  await using directory = await temporaryDirectory();
  const path = '/proc/sys/net/ipv4/ip_forward';
  const value = (await readFile(path, 'utf8')).trim();
  const mayWrite = await access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
  const unit: Step = {
    ...{ type: 'unit', phase: 'node', name: 'muster-no-such-service.service', fingerprint: 'f' },
    sets: ['net.ipv4.ip_forward', 'net.ipv4.no_such_parameter'],
  };
  // There is no such service, which is seen only behind this.
  for (let i = 0; i < 2; i++) await assert.rejects(carryOut(directory.file('journal'), bytesOf([unit])));
  const journal = await readFile(directory.file('journal', 'installed'), 'utf8');
  assert.deepEqual(
    journal.split('\n').filter((line) => line.startsWith('sysctl')),
    mayWrite ? [`sysctl\tnet.ipv4.ip_forward\t${value}`] : [],
  );
});

test('a service that does not start is told with the last that it said itself, else with what systemd says', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  await mkdir(at('bin'));
  const stub = (name: string, text: string) => writeFile(at('bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  await stub('systemctl', 'case $1 in restart) echo "Job for $2 failed." >&2; exit 1;; esac');
  const unit: Step = { type: 'unit', phase: 'node', name: 'kubelet.service', fingerprint: 'f' };
  const start = () =>
    runProgram('sh', ['-c', agentScript(at('journal')).replace('PATH=', `PATH=${at('bin')}:`)], { input: bytesOf([unit]) });
  await stub('journalctl', `echo "$*" > ${at('asked')}; echo 'kubelet: unknown flag: --x'`);
  await assert.rejects(start(), /kubelet\.service did not start: kubelet: unknown flag: --x$/);
  assert.match(await readFile(at('asked'), 'utf8'), /--since 20\S+ \S+ -n 6 _SYSTEMD_UNIT=kubelet\.service$/m);
  await stub('journalctl', 'exit 1');
  await assert.rejects(start(), /kubelet\.service did not start: Job for kubelet\.service failed\.$/);
});

test('whose a directory was and who might use it is kept before that changes, once', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  await mkdir(at('there'), { mode: 0o755 });
  for (const mode of [0o700, 0o750])
    await carryOut(
      at('journal'),
      bytesOf([
        { type: 'directory', phase: 'prepare', path: at('there'), mode, owner, group },
        { type: 'directory', phase: 'prepare', path: at('ours'), mode, owner, group },
      ]),
    );
  const journal = (await readFile(at('journal', 'installed'), 'utf8')).split('\n');
  const { uid, gid } = await stat(at('there'));
  assert.deepEqual(
    journal.filter((line) => line.startsWith('rights')),
    [`rights\t${at('there')}\t755 ${uid}:${gid}`],
  );
});

test('done twice, the journal still tells what was there first', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  await writeFile(at('file'), 'first');
  for (const text of ['second', 'third']) await carryOut(at('journal'), bytesOf([file(at('file'), text)]));
  assert.equal(await readFile(at('file'), 'utf8'), 'third');
  assert.equal(await readFile(at('journal', 'originals', at('file')), 'utf8'), 'first');
});

test('a link that dies anywhere leaves the old file or the new one, never a part', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  const whole = bytesOf([file(at('file'), 'all of it, to the last letter'), file(at('next'), 'more')]);
  for (let length = 0; length < whole.length; length += 7) {
    await writeFile(at('file'), 'as it was');
    await carryOut(at('journal'), whole.subarray(0, length)).catch(() => undefined); // cut short: it may say so
    const text = await readFile(at('file'), 'utf8');
    assert.ok(['as it was', 'all of it, to the last letter'].includes(text), `after ${length} bytes: ${JSON.stringify(text)}`);
  }
  const { stdout } = await carryOut(at('journal'), whole);
  assert.match(stdout, /end\n$/);
  assert.deepEqual((await readdir(directory.path)).sort(), ['file', 'journal', 'next']);
});

test('the first step that fails ends the work, and says why', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  await mkdir(at('taken'));
  const steps = [file(at('before'), 'x'), file(at('taken'), 'x'), file(at('after'), 'x')];
  await assert.rejects(carryOut(at('journal'), bytesOf(steps)), /is a directory/);
  assert.deepEqual((await readdir(directory.path)).filter((name) => !name.includes('muster')).sort(), [
    'before',
    'journal',
    'taken',
  ]);
});

test('what a command that was killed began goes on to the end of its step, and the next command waits for it', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  await runProgram('mkfifo', [at('gate')]);
  // A step that goes on for as long as nobody opens the gate, and a deployer that is gone after it.
  const slow = `echo begun > ${at('begun')}; cat ${at('gate')} > ${at('gone-on')}`;
  const first = carryOut(at('journal'), Buffer.from(`run\t${slow.length}\n${slow}`));
  await until('the first is at work', () => access(at('begun')).then(() => true));
  const next = bytesOf([file(at('file'), 'of the second')]);
  const impatient = agentScript(at('journal')).replace(/flock -w \d+/, 'flock -w 0');
  await assert.rejects(
    runProgram('sh', ['-c', impatient], { input: next }),
    /another command began on this host is still at work/,
  );
  await assert.rejects(access(at('file')));
  const second = carryOut(at('journal'), next);
  await writeFile(at('gate'), 'open');
  assert.match((await second).stdout, /end\n$/);
  await first;
  assert.equal(await readFile(at('gone-on'), 'utf8'), 'open');
});

test('packages are recorded before they are there, and what keeps their services off goes, though a run was cut short', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  await mkdir(at('bin'));
  const stub = (name: string, text: string) => writeFile(at('bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  await stub('dpkg', `echo "$*" >> ${at('dpkg')}`);
  // As a loss of power: who asked for it is gone in the middle.
  const inst = "printf 'Inst etcd-server (3.4 a [amd64])\\nInst libc6 [2.35] (2.36 a)\\nConf etcd-server (3.4 a)\\n'";
  const apt = (install: string) =>
    stub('apt-get', `case $* in *--simulate*) ${inst} ;; *install*) ls ${at('policy')} || exit 1; ${install} ;; esac`);
  const packages: Step = { type: 'packages', phase: 'prepare', names: ['etcd-server'], directory: at('packages') };
  const [, script = ''] = bytesOf([packages])
    .toString()
    .split(/^run\t\d+\n/);
  const own = script.replaceAll('/usr/sbin/policy-rc.d', at('policy'));
  const run = () =>
    runProgram('sh', ['-c', agentScript(at('journal')).replace('PATH=', `PATH=${at('bin')}:`)], {
      input: `run\t${own.length}\n${own}`,
    });
  await apt('kill -9 $PPID');
  await assert.rejects(run());
  await access(at('policy'));
  const recorded = async () => (await readFile(at('journal', 'installed'), 'utf8')).split('\n').filter(Boolean);
  assert.deepEqual(await recorded(), ['package\tetcd-server']);
  await apt('exit 0');
  await run();
  await assert.rejects(access(at('policy')));
  assert.match(await readFile(at('dpkg'), 'utf8'), /--configure -a/);
  assert.deepEqual(await recorded(), ['package\tetcd-server']);
  await writeFile(at('policy'), '#!/bin/sh\nexit 101\n');
  await run();
  await access(at('policy')); // somebody else's
});
