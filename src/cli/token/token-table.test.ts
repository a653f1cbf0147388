import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTokenTable, shortHumanDuration, tokenDocuments } from './token-table.ts';

const NOW = Date.UTC(2018, 7, 20, 13, 16, 29);
const token = (id: string, more = {}) => ({
  id,
  secret: '0wc2ntvng9a1i95k',
  description: 'kubelet-bootstrap-token',
  expiresMs: NOW + 86_399_000,
  usages: ['authentication', 'signing'],
  groups: [`system:bootstrappers:${id}`],
  ...more,
});

test('durations are told in one unit, rounded down', () => {
  assert.deepEqual([86_399_000, 86_400_000, 3_599_000, 59_999, 0, -500, -5000, 366 * 86_400_000].map(shortHumanDuration), [
    '23h',
    '1d',
    '59m',
    '59s',
    '0s',
    '0s',
    '<invalid>',
    '1y',
  ]);
});

test("the table has kubeadm's columns and is ordered by token id", () => {
  const lines = formatTokenTable([token('xv6pef'), token('f1rva3')], NOW).split('\n');
  assert.deepEqual(lines[0]!.split(/ {2,}/), ['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS']);
  assert.match(
    lines[1]!,
    /^f1rva3\.0wc2ntvng9a1i95k {3}23h +2018-08-2\dT\S+ +authentication,signing +kubelet-bootstrap-token +system:bootstrappers:f1rva3$/,
  );
  assert.match(lines[2]!, /^xv6pef\./);
  assert.equal(lines[0]!.indexOf('EXPIRES'), lines[1]!.indexOf('2018-08'));
});

test('what a token does not have is said, and no token prints nothing', () => {
  const bare = token('f1rva3', { expiresMs: undefined, description: '', usages: [], groups: [] });
  assert.match(formatTokenTable([bare], NOW), /<forever> +<never> +<none> +<none> +<none>\n$/);
  assert.equal(formatTokenTable([], NOW), '');
});

test('documents leave out what a token does not have', () => {
  assert.deepEqual(tokenDocuments([token('f1rva3', { expiresMs: undefined, description: '' })]), [
    {
      kind: 'BootstrapToken',
      apiVersion: 'output.kubeadm.k8s.io/v1alpha3',
      token: 'f1rva3.0wc2ntvng9a1i95k',
      usages: ['authentication', 'signing'],
      groups: ['system:bootstrappers:f1rva3'],
    },
  ]);
});
