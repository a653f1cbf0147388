import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunProgram } from '../host/run-program.ts';
import { CodedError } from '../std/coded-error.ts';
import { silentLogger } from '../std/logger.ts';
import { completeConfiguration, inPlaceOfIpvs } from './configuration/kube-proxy-configuration.ts';
import { chooseMode } from './open-backends.ts';

/** A machine that has these programs. */
function machine(...installed: string[]) {
  const warnings: string[] = [];
  const run: RunProgram = async (program) => {
    if (!installed.includes(program)) throw new CodedError(`${program} is missing`, { code: 'PROGRAM_MISSING' });
    return { stdout: '', stderr: '' };
  };
  return { warnings, tools: { run, logger: { ...silentLogger, warn: (message: string) => void warnings.push(message) } } };
}

test('PRX-31 where ipvs cannot be had, iptables or else nftables serves, with one warning that says why and what is lost', async () => {
  for (const [programs, mode] of [
    [['iptables-restore', 'nft'], 'iptables'],
    [['nft'], 'nftables'],
  ] as const) {
    const { warnings, tools } = machine(...programs);
    const ipvs = { scheduler: 'wlc', minSyncPeriod: '2s', excludeCIDRs: null };
    assert.equal(await chooseMode(completeConfiguration({ mode: 'ipvs', ipvs }), tools), mode);
    assert.deepEqual(warnings, [
      `The proxy mode "ipvs" cannot be used: ipvsadm is not installed (Debian's package ipvsadm); "${mode}" is used instead, with the same Services and without ipvsadm's tables; ipvs.scheduler has no effect`,
    ]);
  }
});

test('a mode that is asked for is taken without a word, and none means iptables', async () => {
  const { warnings, tools } = machine('iptables-restore', 'nft');
  assert.equal(await chooseMode(completeConfiguration({ mode: 'nftables' }), tools), 'nftables');
  assert.equal(await chooseMode(completeConfiguration(), tools), 'iptables');
  assert.deepEqual(warnings, []);
});

test('without a packet filter the package that brings one is named', async () => {
  const { tools } = machine();
  await assert.rejects(chooseMode(completeConfiguration({ mode: 'ipvs' }), tools), /package iptables or nftables/);
  await assert.rejects(chooseMode(completeConfiguration({ mode: 'nftables' }), tools), /package nftables$/);
});

test('PRX-21 to PRX-24, PRX-26, PRX-29 what takes the place of ipvs keeps its periods, and masquerades as upstream’s does', () => {
  const configuration = completeConfiguration({
    mode: 'ipvs',
    ipvs: { minSyncPeriod: '2s', syncPeriod: '40s' },
    iptables: { masqueradeAll: true, masqueradeBit: 9, minSyncPeriod: '0s', syncPeriod: '30s' },
  });
  const { nftables, iptables } = inPlaceOfIpvs(configuration, 'nftables');
  assert.deepEqual(nftables, { masqueradeBit: 9, masqueradeAll: true, syncPeriod: '40s', minSyncPeriod: '2s' });
  assert.deepEqual(iptables, configuration.iptables);
  assert.equal(inPlaceOfIpvs(configuration, 'iptables').iptables.minSyncPeriod, '2s');
  const asIs = completeConfiguration({ mode: 'iptables' });
  assert.equal(inPlaceOfIpvs(asIs, 'iptables'), asIs);
});
