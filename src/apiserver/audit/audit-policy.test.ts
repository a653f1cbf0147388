/** Verdicts and words are those of Kubernetes 1.36.4's own reader of policies (apiserver/pkg/audit/policy). */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentLogger } from '../../std/logger.ts';
import { createAuditPolicy, readAuditPolicy } from './audit-policy.ts';

const directory = await mkdtemp(join(tmpdir(), 'muster-audit-policy-'));
after(() => rm(directory, { recursive: true }));
const path = join(directory, 'policy.yaml');

const HEAD = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy' };
async function read(document: unknown) {
  await writeFile(path, typeof document === 'string' ? document : JSON.stringify({ ...HEAD, ...(document as object) }));
  return readAuditPolicy(path, silentLogger);
}
const refused = (document: unknown, why: string) =>
  assert.rejects(read(document), { code: 'CONFIGURATION_FILE', message: `--audit-policy-file ${path}: ${why}` });
const refusedRule = (rule: object | null, why: string) => refused({ rules: [rule && { level: 'None', ...rule }] }, why);

test('policies that upstream takes are taken', async () => {
  for (const rule of [
    { resources: [{ group: '*' }] },
    { resources: [null] },
    { resources: [{ resources: ['pods/*', '*/status'] }], namespaces: null },
    { nonResourceURLs: ['*', '/x*'], namespaces: [], resources: [] },
    { omitStages: ['RequestReceived', 'RequestReceived'] },
    { unknown: 1 },
  ])
    await read({ rules: [{ level: 'Metadata', ...rule }] });
  await read({ kind: undefined, rules: [{ level: 'None' }], metadata: { name: 'x', unknown: 1 } });
  await read('apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\nrules: [{level: None}]\n');
});

test('policies that are wrong are refused in upstream’s words', async () => {
  const group = (value: string) =>
    `rules[0].resources.group: Invalid value: ${JSON.stringify(value)}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`;
  await refused({}, 'loaded illegal policy with 0 rules');
  await refused({ kind: 'Foo' }, 'no kind "Foo" is registered for version "audit.k8s.io/v1"');
  await refused({ apiVersion: 'audit.k8s.io/v2' }, 'no kind "Policy" is registered for version "audit.k8s.io/v2"');
  await refused({ metadata: { name: 1 } }, 'metadata.name: must be a string');
  await refusedRule(null, 'rules[0].level: Required value');
  await refusedRule(
    { level: 'metadata' },
    'rules[0].level: Unsupported value: "metadata": supported values: "None", "Metadata", "Request", "RequestResponse"',
  );
  await refusedRule({ resources: [{ group: 'apps/v1' }] }, group('apps/v1'));
  await refusedRule({ resources: [{ group: '*.k8s.io' }] }, group('*.k8s.io'));
  await refusedRule(
    { resources: [{ resourceNames: ['x'] }] },
    'rules[0].resources.resourceNames: Invalid value: ["x"]: using resourceNames requires at least one resource',
  );
  await refusedRule(
    { nonResourceURLs: ['/x'], namespaces: ['y'] },
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
  );
  const url = (text: string, why: string) => `rules[0].nonResourceURLs[0]: Invalid value: ${JSON.stringify(text)}: ${why}`;
  const last = "non-resource URL wildcards '*' must be the final character of the rule";
  await refusedRule({ nonResourceURLs: ['/**'] }, url('/**', last));
  await refusedRule({ nonResourceURLs: [''] }, url('', "non-resource URL rules must begin with a '/' character"));
  await refusedRule(
    { nonResourceURLs: ['x*y'] },
    `[${url('x*y', "non-resource URL rules must begin with a '/' character")}, ${url('x*y', last)}]`,
  );
  const stages = 'allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic';
  await refused(
    { omitStages: ['x'], rules: [{ level: 'None', omitStages: ['y'] }] },
    `[omitStages[0]: Invalid value: "x": ${stages}, rules[0].omitStages[0]: Invalid value: "y": ${stages}]`,
  );
});

test('a rule of the group * is of every group', () => {
  const defaults = { omitStages: [], omitManagedFields: false };
  const rule = { level: 'Request' as const, resources: [{ group: '*', resources: ['deployments', '*/scale'] }] };
  const policy = createAuditPolicy([rule], defaults);
  const level = (group: string, resource: string, subresource = '') =>
    policy.decide({
      user: { name: 'a', groups: [] },
      verb: 'get',
      isResourceRequest: true,
      namespace: 'n',
      group,
      version: 'v1',
      resource,
      subresource,
      name: 'x',
      path: '/',
    }).level;
  assert.deepEqual(
    [level('apps', 'deployments'), level('', 'deployments'), level('x', 'y', 'scale'), level('apps', 'deployments', 'status')],
    ['Request', 'Request', 'Request', 'None'],
  );
});
