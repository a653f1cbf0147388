import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { runProgram } from '../../host/run-program.ts';
import { systemClock } from '../../std/clock.ts';
import { desiredSteps } from '../desired/desired.ts';
import { sysctlsOf } from '../desired/preparation.ts';
import type { FileFact } from '../facts/facts.ts';
import { planCluster } from '../plan/plan.ts';
import { factsThatFit, testInventory, testMaterial } from '../test-material.ts';
import { createTranscriptTransport } from '../transport/transcript.ts';
import { type UpgradeRun, upgradeHosts } from './upgrade.ts';
import { hostsToUpgrade, planUpgrade } from './upgrade-plan.ts';
import { keepScript, rollBackScript, snapshotScript, UPGRADE_MARK } from './upgrade-scripts.ts';

const inventory = await testInventory({
  hosts: [
    { name: 'w1', address: '192.168.20.41' },
    { name: 'm1', address: '192.168.20.31', roles: ['etcd', 'master'] },
    { name: 'm2', address: '192.168.20.32', roles: ['master', 'worker'] },
  ],
});
const known = { sysctls: new Set(sysctlsOf(inventory).keys()), device: 'eth0' };
const executable = { bytes: Buffer.from('newer'), sha256: 'e'.repeat(64) };
const desiredBy = (material: typeof testMaterial) =>
  new Map(inventory.hosts.map((host) => [host.name, desiredSteps(inventory, host, material, known)]));
const joined = (steps: Parameters<typeof factsThatFit>[0], more: readonly string[] = []) => {
  const facts = factsThatFit(steps);
  const file = { type: 'file', mode: 0o600, owner: 'root', group: 'root', sizeBytes: 1, sha256: 'a'.repeat(64) } as const;
  return {
    ...facts,
    files: new Map<string, FileFact>([
      ...facts.files,
      ...['/etc/kubernetes/kubelet.kubeconfig', ...more].map((path) => [path, file] as const),
    ]),
  };
};
const factsOf = (half: readonly string[] = []) =>
  new Map([...desiredBy(testMaterial)].map(([name, steps]) => [name, joined(steps, half.includes(name) ? [UPGRADE_MARK] : [])]));
const plansOf = (material: typeof testMaterial, facts = factsOf()) =>
  planCluster({ inventory, desired: desiredBy(material), signer: '' }, facts);
const newer = { ...testMaterial, executable };

test('masters are upgraded first, and before them a host on which an upgrade was ended', () => {
  const order = (half: string[]) =>
    planUpgrade(inventory, plansOf(newer, factsOf(half)), factsOf(half), new Map()).hosts.map(({ plan }) => plan.host);
  assert.deepEqual(order([]), ['m1', 'm2', 'w1']);
  assert.deepEqual(order(['w1']), ['w1', 'm1', 'm2']);
  assert.deepEqual(planUpgrade(inventory, plansOf(testMaterial), factsOf(), new Map()).hosts, []);
});

test('what an upgrade changes is kept before: the files that it writes, and the services that it restarts', () => {
  const { hosts } = planUpgrade(inventory, plansOf(newer), factsOf(), new Map());
  assert.deepEqual(hosts[2]!.paths, ['/usr/bin/muster']);
  assert.deepEqual(hosts[2]!.units, ['kubelet.service', 'kube-proxy.service', 'flanneld.service', 'network-policy.service']);
});

test('apply leaves another program to upgrade, where one runs', () => {
  assert.deepEqual(hostsToUpgrade(inventory, plansOf(newer), factsOf()), ['w1', 'm1', 'm2']);
  assert.deepEqual(hostsToUpgrade(inventory, plansOf(testMaterial), factsOf()), []);
  const fresh = new Map([...factsOf()].map(([name, facts]) => [name, { ...facts, units: new Map() }]));
  assert.deepEqual(hostsToUpgrade(inventory, plansOf(newer, fresh), fresh), []);
});

const RUNNING = 'unit\tkubelet.service\tactive\t7\tcurrent\nend\n';

/** Hosts that write down what happens to them, by the first words of each script. */
function scene(more: Partial<UpgradeRun> = {}, processes: () => string = () => RUNNING) {
  const story: string[] = [];
  let now = 0;
  const sleep = async (ms: number) => {
    now += ms;
  };
  const transports = new Map(
    inventory.hosts.map(({ name }) => [
      name,
      createTranscriptTransport(name, ({ script, input }) => {
        if (script === snapshotScript()) story.push(`${name}: keep ${input.toString().trim()}`);
        else if (script === keepScript()) story.push(`${name}: forget what was kept`);
        else if (script.includes('restart "$unit"')) story.push(`${name}: put back`);
        else return processes();
        return '';
      }),
    ]),
  );
  const step = (what: string) => async (host: { plan: { host: string } }) => void story.push(`${host.plan.host}: ${what}`);
  const run: UpgradeRun = {
    transports,
    unitsOf: () => ['kubelet.service'],
    drain: step('drain'),
    release: step('release'),
    apply: step('apply'),
    awaitServing: step('serves'),
    progress: () => undefined,
    clock: { ...systemClock, now: () => now, sleep },
    signal: new AbortController().signal,
    ...more,
  };
  return { story, run };
}

const plan = planUpgrade(inventory, plansOf(newer), factsOf(), new Map());
const only = { ...plan, hosts: plan.hosts.slice(0, 2) };

test('one host after the other is drained, kept, changed, looked at and given back', async () => {
  const { story, run } = scene();
  await upgradeHosts(only, run);
  const steps = (host: string) =>
    ['drain', 'keep /usr/bin/muster', 'apply', 'serves', 'forget what was kept', 'release'].map((what) => `${host}: ${what}`);
  assert.deepEqual(story, [...steps('m1'), ...steps('m2')]);
});

test('a host whose services end again and again is put back, and the next is not touched', async () => {
  let pid = 0;
  let back = false;
  const { story, run } = scene({}, () => (back ? RUNNING : `unit\tkubelet.service\tactive\t${pid++}\tcurrent\nend\n`));
  const transport = run.transports.get('m1')!;
  const transports = new Map(run.transports).set('m1', {
    ...transport,
    run: async (script, options) => {
      back ||= script.includes('restart "$unit"');
      if (script.includes('NRestarts'))
        return { stdout: 'report\tkubelet.service\tactive\tsimple\t4\t1\tF1122 no\n', stderr: '' };
      return transport.run(script, options);
    },
  });
  await assert.rejects(upgradeHosts(only, { ...run, transports }), {
    code: 'UPGRADE_FAILED',
    message:
      'm1 does not run with what is new: its services end and start again; kubelet.service is active, started again 4 times: F1122 no; it is back at what it was, and serves',
  });
  assert.deepEqual(story.slice(2), ['m1: apply', 'm1: put back', 'm1: serves', 'm1: release']);
});

test('what a service ended by is told once', async () => {
  const { run } = scene();
  const transports = new Map(
    [...run.transports].map(([name, transport]) => [
      name,
      {
        ...transport,
        run: async (script: string) =>
          script.includes('NRestarts')
            ? { stdout: 'report\tkubelet.service\tfailed\tsimple\t4\t0\tF1122 no\n', stderr: '' }
            : transport.run(script),
      },
    ]),
  );
  const apply = () => Promise.reject(new Error('kubelet.service does not stay up: F1122 no'));
  await assert.rejects(upgradeHosts(only, { ...run, transports, apply }), {
    message:
      'm1 does not run with what is new: kubelet.service does not stay up: F1122 no; it is back at what it was, and serves',
  });
});

test('a service that still is the old program is no upgrade; what cannot be put back is told', async () => {
  const { run } = scene({}, () => 'unit\tkubelet.service\tactive\t7\treplaced\nend\n');
  await assert.rejects(upgradeHosts(only, run), {
    message:
      'm1 does not run with what is new: kubelet.service is still the replaced program; it could not be put back: kubelet.service is still the replaced program',
  });
});

test('who ends it in between finds the host as it is, to go on', async () => {
  const ended = new AbortController();
  const { story, run } = scene();
  const apply = async () => {
    ended.abort(new Error('ended'));
    throw ended.signal.reason;
  };
  await assert.rejects(upgradeHosts(only, { ...run, apply, signal: ended.signal }), /^Error: ended$/);
  assert.deepEqual(story, ['m1: drain', 'm1: keep /usr/bin/muster']);
});

test('what was kept is put back: contents, modes, links, and nothing where nothing was', async () => {
  await using directory = await temporaryDirectory();
  const at = directory.file;
  const journal = at('journal');
  await mkdir(at('journal', 'units'), { recursive: true });
  await writeFile(at('journal', 'units', 'kubelet.service'), 'old');
  await writeFile(at('program'), 'old');
  await chmod(at('program'), 0o750);
  await symlink('program', at('link'));
  const input = ['program', 'link', 'absent'].map((name) => `${at(name)}\n`).join('');
  const sh = (script: string, text = '') =>
    runProgram('sh', ['-c', script.replaceAll('systemctl', ':').replaceAll('ldconfig', ':')], { input: text });
  await sh(snapshotScript(journal), input);
  const change = async () => {
    await writeFile(at('program'), 'new');
    await chmod(at('program'), 0o700);
    await writeFile(at('absent'), 'new');
    await writeFile(at('journal', 'units', 'kubelet.service'), 'new');
  };
  await change();
  // Begun again: what is kept is what ran well.
  await sh(snapshotScript(journal), input);
  await sh(rollBackScript(['kubelet.service'], journal));
  assert.equal(await readFile(at('program'), 'utf8'), 'old');
  assert.equal((await stat(at('program'))).mode & 0o777, 0o750);
  assert.equal(await readlink(at('link')), 'program');
  await assert.rejects(stat(at('absent')), { code: 'ENOENT' });
  assert.equal(await readFile(at('journal', 'units', 'kubelet.service'), 'utf8'), 'old');
  await change();
  // Nothing is kept any more.
  await sh(rollBackScript([], journal));
  assert.equal(await readFile(at('program'), 'utf8'), 'new');
});
