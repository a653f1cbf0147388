import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createAuthority } from '../pki/authority.ts';
import { parseFlags } from '../std/flags.ts';
import { CONTROLLER_MANAGER_FLAGS } from './flags.ts';
import { readControllerManagerOptions } from './read-options.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kcm-'));
  const authority = await createAuthority({ commonName: 'kubernetes', notBeforeMs: 0, notAfterMs: 4e12 });
  await writeFile(join(directory, 'ca.pem'), authority.certificatePem);
  await writeFile(join(directory, 'ca.key'), authority.privateKeyPem);
});
after(() => rm(directory, { recursive: true }));

const read = (...argv: string[]) =>
  readControllerManagerOptions(parseFlags('kube-controller-manager', CONTROLLER_MANAGER_FLAGS, argv), () => undefined);

test('the whole argument list of the runbooks is understood', async () => {
  const argv = [
    `--service-account-private-key-file=${directory}/ca.key`,
    `--root-ca-file=${directory}/ca.pem`,
    `--requestheader-client-ca-file=${directory}/ca.pem`,
    '--allocate-node-cidrs=true',
    '--cluster-name=kubernetes',
    `--cluster-signing-cert-file=${directory}/ca.pem`,
    `--cluster-signing-key-file=${directory}/ca.key`,
    '--leader-elect=true',
    '--service-cluster-ip-range=10.0.0.0/12',
    '--cluster-cidr=10.64.0.0/10',
    '--secure-port=10257',
    '--node-monitor-period=2s',
    '--node-monitor-grace-period=16s',
    '--pod-eviction-timeout=30s',
    '--use-service-account-credentials=true',
    '--controllers=*,bootstrapsigner,tokencleaner',
    '--horizontal-pod-autoscaler-sync-period=10s',
    '--kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig',
    '--authentication-kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig',
    '--authorization-kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig',
    '--feature-gates=RotateKubeletServerCertificate=true',
    '--logtostderr=true',
    '--v=4',
    '--experimental-cluster-signing-duration=1h0m0s',
  ];
  const options = await read(...argv);
  assert.deepEqual(options.controllers, ['*', 'bootstrapsigner', 'tokencleaner']);
  assert.equal(options.signingDurationMs, 3_600_000);
  assert.deepEqual([options.nodeMonitorPeriodMs, options.nodeMonitorGracePeriodMs], [2000, 16_000]);
  assert.deepEqual(
    [options.clusterCidrs, options.serviceCidrs, options.nodeCidrMaskSizeIpv4],
    [['10.64.0.0/10'], ['10.0.0.0/12'], 24],
  );
  assert.equal(typeof options.signing, 'function');
  assert.match(options.rootCaPem ?? '', /BEGIN CERTIFICATE/);
  assert.equal(options.legacyServiceAccountTokenAutoGeneration, undefined);
});

test('a year is the default lifetime, and the newer name counts when both are given', async () => {
  assert.equal((await read()).signingDurationMs, 8760 * 3_600_000);
  const both = await read('--experimental-cluster-signing-duration=1h', '--cluster-signing-duration=2h');
  assert.equal(both.signingDurationMs, 7_200_000);
});

test('times and tolerance of the autoscaler are those of its flags, else upstream’s', async () => {
  const flags = ['sync-period=5s', 'tolerance=0.2', 'downscale-stabilization=1m'].map(
    (flag) => `--horizontal-pod-autoscaler-${flag}`,
  );
  const { podAutoscaler } = await read(...flags);
  assert.deepEqual(podAutoscaler, {
    syncPeriodMs: 5000,
    tolerance: 0.2,
    downscaleStabilizationMs: 60_000,
    cpuInitializationMs: 300_000,
    initialReadinessMs: 30_000,
  });
});

test('how many objects a controller works on at a time is said by flags, with upstream’s defaults', async () => {
  const { concurrentSyncs } = await read('--concurrent-deployment-syncs=7', '--concurrent-namespace-syncs=0');
  const of = (name: string) => concurrentSyncs?.[`${name}-controller`];
  assert.deepEqual(['deployment', 'namespace', 'resourceclaim', 'serviceaccount-token'].map(of), [7, 1, 10, 5]);
  const others = await read('--concurrent-resourceclaim-syncs=25', '--controller-shutdown-timeout=0s');
  assert.equal(others.concurrentSyncs?.['resourceclaim-controller'], 25);
});

test('with only one of certificate and key nothing is signed', async () => {
  assert.equal((await read(`--cluster-signing-cert-file=${directory}/ca.pem`)).signing, undefined);
});

test('a signer of its own files excludes the common ones', async () => {
  const own = [
    `--cluster-signing-kubelet-serving-cert-file=${directory}/ca.pem`,
    `--cluster-signing-kubelet-serving-key-file=${directory}/ca.key`,
  ];
  assert.deepEqual(Object.keys((await read(...own)).signers ?? {}), ['kubernetes.io/kubelet-serving']);
  const common = [`--cluster-signing-cert-file=${directory}/ca.pem`, `--cluster-signing-key-file=${directory}/ca.key`];
  await assert.rejects(read(...own, ...common), /cannot specify --cluster-signing-\{cert,key\}-file/);
});

test('files that are missing and flags that do not fit are named', async () => {
  await assert.rejects(read('--root-ca-file=/nowhere/ca.pem'), /--root-ca-file: unable to read \/nowhere\/ca\.pem/);
  await assert.rejects(read('--cluster-signing-cert-file=/nowhere/a', '--cluster-signing-key-file=/nowhere/b'), /\/nowhere\/a/);
  await assert.rejects(read('--allocate-node-cidrs'), /--cluster-cidr is required/);
  await assert.rejects(read('--leader-elect-resource-lock=endpoints'), /"endpoints" is not supported/);
});

test('automatic token Secrets are switched on by the old feature gate', async () => {
  const options = await read('--feature-gates=LegacyServiceAccountTokenNoAutoGeneration=false');
  assert.equal(options.legacyServiceAccountTokenAutoGeneration, true);
  const off = await read('--feature-gates=LegacyServiceAccountTokenNoAutoGeneration=true');
  assert.equal(off.legacyServiceAccountTokenAutoGeneration, false);
  // Nothing said: the API server is asked whether it gives tokens on request.
  assert.equal((await read('--feature-gates=AllBeta=true')).legacyServiceAccountTokenAutoGeneration, undefined);
});

test('no flag is defined twice', () => {
  const names = CONTROLLER_MANAGER_FLAGS.map((f) => f.name);
  assert.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
});
