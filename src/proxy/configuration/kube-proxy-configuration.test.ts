import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { overrideByFlags } from '../../api/configuration/setting-flags.ts';
import { parseFlags } from '../../std/flags.ts';
import { kubeProxyFlags } from '../flags.ts';
import { kubeProxyFields } from './fields.ts';
import { completeConfiguration, parseConfiguration, remarksOn } from './kube-proxy-configuration.ts';

/** The runbook's file, every field of it (PRX-04 to PRX-38). */
const RUNBOOK = `
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 0.0.0.0
clientConnection:
  acceptContentTypes: ""
  burst: 10
  contentType: application/vnd.kubernetes.protobuf
  kubeconfig: /etc/kubernetes/kube-proxy.kubeconfig
  qps: 5
clusterCIDR: 10.80.0.0/12
configSyncPeriod: 15m0s
conntrack:
  maxPerCore: 32768
  min: 131072
  tcpCloseWaitTimeout: 1h0m0s
  tcpEstablishedTimeout: 24h0m0s
enableProfiling: false
healthzBindAddress: 0.0.0.0:10256
hostnameOverride: 172.16.90.204
iptables:
  masqueradeAll: false
  masqueradeBit: 14
  minSyncPeriod: 0s
  syncPeriod: 30s
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 2s
  scheduler: wlc
  strictARP: false
  syncPeriod: 30s
metricsBindAddress: 127.0.0.1:10249
mode: ipvs
nodePortAddresses: null
oomScoreAdj: -999
portRange: ""
udpIdleTimeout: 250ms
winkernel:
  enableDSR: false
  networkName: ""
  sourceVip: "" #
`;
const header = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

test('PRX-04 to PRX-38 the runbook’s file is read whole: each field has the value that it gives', async () => {
  const { given, warnings } = await parseConfiguration(RUNBOOK);
  const configuration = completeConfiguration(given);
  const { apiVersion: _, kind: __, udpIdleTimeout: ___, ...said } = parseYaml(RUNBOOK);
  const missing = Object.entries(said).filter(([name, value]) => !holds(configuration[name], value));
  // As upstream: no period between syncs (PRX-23) means a second.
  assert.deepEqual(
    missing.map(([name]) => name),
    ['iptables'],
  );
  assert.deepEqual(configuration.iptables, {
    ...{ masqueradeAll: false, masqueradeBit: 14, localhostNodePorts: true },
    ...{ minSyncPeriod: '1s', syncPeriod: '30s' },
  });
  // PRX-35: the one field that went with its mode.
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /"udpIdleTimeout" is ignored/);
});

test('PRX-13, PRX-34, PRX-36 to PRX-38 what has no effect is told by name when somebody changes it', () => {
  const remarks = (given: Record<string, unknown>) => remarksOn(completeConfiguration(given));
  assert.deepEqual(remarks({ configSyncPeriod: '15m0s', portRange: '', winkernel: { enableDSR: false, sourceVip: '' } }), []);
  assert.deepEqual(remarks({ configSyncPeriod: '1m0s', portRange: '1-2', winkernel: { enableDSR: true } }), [
    'fields of the configuration that have no effect in this kube-proxy: configSyncPeriod, portRange, winkernel',
  ]);
  assert.match(remarks({ mode: 'iptables', ipvs: { scheduler: 'wlc' } }).join(), /no effect in this kube-proxy: ipvs$/);
  assert.deepEqual(remarks({ mode: 'ipvs', ipvs: { scheduler: 'wlc' } }), [], 'said where its place is taken');
});

/** Whether all that is wanted is there; null stands for what is not given. */
function holds(actual: unknown, wanted: unknown): boolean {
  if (wanted === null) return actual === undefined || actual === null;
  if (typeof wanted !== 'object') return isDeepStrictEqual(actual, wanted);
  return Object.entries(wanted).every(([name, value]) => holds((actual as Record<string, unknown>)[name], value));
}

test('a file that leaves everything to the defaults gets upstream’s', async () => {
  const { given } = await parseConfiguration(
    `${header}healthzBindAddress: ""\niptables: {masqueradeBit: null, syncPeriod: 0s}\n`,
  );
  const { healthzBindAddress, metricsBindAddress, iptables, detectLocalMode, oomScoreAdj } = completeConfiguration(given);
  assert.deepEqual([healthzBindAddress, metricsBindAddress], ['0.0.0.0:10256', '127.0.0.1:10249']);
  assert.deepEqual([iptables.masqueradeBit, iptables.syncPeriod, detectLocalMode, oomScoreAdj], [14, '30s', 'ClusterCIDR', -999]);
  assert.equal(completeConfiguration({ bindAddress: '::' }).metricsBindAddress, '[::1]:10249');
  assert.equal(completeConfiguration({ metricsBindAddress: '10.0.0.1' }).metricsBindAddress, '10.0.0.1:10249');
});

test('unknown fields, wrong types and other kinds are refused by name', async () => {
  await assert.rejects(parseConfiguration(`${header}modus: iptables\n`), /unknown field "modus"/);
  await assert.rejects(
    parseConfiguration(`${header}iptables: {masqueradeBit: x}\n`),
    /iptables\.masqueradeBit must be an integer/,
  );
  await assert.rejects(parseConfiguration('{"apiVersion":"v1","kind":"Pod"}'), /no kind "Pod" is registered/);
});

for (const [given, problem] of [
  [{ mode: 'userspace' }, /mode: Unsupported value: "userspace"/],
  [{ bindAddress: 'here' }, /bindAddress: Invalid value: "here"/],
  [{ healthzBindAddress: 'localhost:1' }, /healthzBindAddress: Invalid value/],
  [{ clusterCIDR: '10.0.0.0/8,10.1.0.0/16' }, /clusterCIDR: Invalid value/],
  [{ iptables: { masqueradeBit: 32 } }, /iptables\.masqueradeBit: Invalid value: 32: must be within \[0, 31\]/],
  [{ nftables: { syncPeriod: '1s', minSyncPeriod: '2s' } }, /nftables\.syncPeriod: Invalid value/],
  [{ detectLocalMode: 'BridgeInterface' }, /detectLocal\.bridgeInterface: Invalid value/],
  [{ nodePortAddresses: ['primary', '10.0.0.0/8'] }, /nodePortAddresses\[0\]: Invalid value/],
  [{ nodePortAddresses: ['10.0.0.1'] }, /nodePortAddresses\[0\]: Invalid value: "10\.0\.0\.1"/],
  [{ bindAddress: '10.10.12.11:2000' }, /bindAddress: Invalid value: "10\.10\.12\.11:2000": not a valid textual/],
  [{ healthzBindAddress: '0.0.0.0:0' }, /healthzBindAddress: Invalid value: "0\.0\.0\.0:0": must be IP:port/],
  [{ metricsBindAddress: '127.0.0.1:65536' }, /metricsBindAddress: Invalid value/],
  [{ clusterCIDR: '192.168.59.0' }, /clusterCIDR: Invalid value: "192\.168\.59\.0": must be a valid CIDR block/],
  [{ clusterCIDR: '192.168.59.0/24,fd00:192:168::/64,10.0.0.0/16' }, /clusterCIDR: Invalid value: .*DualStack/],
  [{ clientConnection: { burst: -5 } }, /clientConnection\.burst: Invalid value: -5/],
  [{ oomScoreAdj: -1001 }, /oomScoreAdj: Invalid value: -1001: must be within \[-1000, 1000\]/],
  [{ configSyncPeriod: '-1s' }, /configSyncPeriod: Invalid value: "-1s"/],
  [{ conntrack: { maxPerCore: -1 } }, /conntrack\.maxPerCore: Invalid value: -1/],
  [{ conntrack: { tcpEstablishedTimeout: '-5s' } }, /conntrack\.tcpEstablishedTimeout: Invalid value: "-5s"/],
  [{ iptables: { syncPeriod: '-5s' } }, /iptables\.syncPeriod: Invalid value: "-5s"/],
  [
    { iptables: { syncPeriod: '5s', minSyncPeriod: '10s' } },
    /iptables\.syncPeriod: Invalid value: "10s": must be greater than or equal/,
  ],
  [{ mode: 'ipvs', ipvs: { syncPeriod: '1s', minSyncPeriod: '2s' } }, /ipvs\.syncPeriod: Invalid value/],
  [{ mode: 'ipvs', ipvs: { scheduler: 'best' } }, /ipvs\.scheduler: Invalid value: "best": must be one of rr, wrr, lc, wlc/],
  [{ mode: 'ipvs', ipvs: { excludeCIDRs: ['10.0.0.0/8', 'ten'] } }, /ipvs\.excludeCIDRs\[1\]: Invalid value: "ten"/],
  [{ detectLocalMode: 'InterfaceNamePrefix' }, /detectLocal\.interfaceNamePrefix: Invalid value/],
  [{ detectLocalMode: 'Guess' }, /detectLocalMode: Unsupported value: "Guess"/],
  [{ portRange: '300:400' }, /portRange: Invalid value: "300:400": must be a valid port range/],
  [{ portRange: '400-300' }, /portRange: Invalid value/],
] as const)
  test(`${JSON.stringify(given)} is refused`, () => {
    assert.throws(() => completeConfiguration(given), problem);
  });

test('what upstream takes is taken', () => {
  for (const given of [
    { bindAddress: 'fd00:192:168:59::103', metricsBindAddress: '[::1]:10249', clusterCIDR: 'fd00:192:168:59::/64' },
    { clusterCIDR: '192.168.59.0/24,fd00:192:168::/64', healthzBindAddress: '' },
    { mode: 'iptables', ipvs: { scheduler: 'best', syncPeriod: '1s', minSyncPeriod: '2s' } },
    { nodePortAddresses: ['primary'] },
    { nodePortAddresses: ['127.0.0.0/8', '::1/128'] },
    { mode: 'ipvs', ipvs: { scheduler: 'wlc', excludeCIDRs: ['10.0.0.0/8'] } },
    { portRange: '300+10' },
    { conntrack: { maxPerCore: 0, min: 0 } },
  ])
    assert.ok(completeConfiguration(given));
});

test('flags go before the file, and those without effect say so', async () => {
  const { given } = await parseConfiguration(`${header}mode: nftables\nconntrack: {min: 5}\n`);
  const argv = ['--proxy-mode=iptables', '--conntrack-max-per-core=7', '--ipvs-scheduler=rr', '--feature-gates=A=true', '--v=4'];
  const flags = parseFlags('kube-proxy', kubeProxyFlags(), argv);
  const { mode, conntrack, logging } = completeConfiguration(overrideByFlags(kubeProxyFields, given, flags));
  assert.deepEqual([mode, conntrack.min, conntrack.maxPerCore, logging.verbosity], ['iptables', 5, 7, 4]);
  assert.equal(flags.warnings.filter((line) => line.includes('no effect')).length, 1);
});
