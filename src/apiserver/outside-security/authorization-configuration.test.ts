/** Verdicts and words are those of Kubernetes 1.36.4's own validation (apiserver/pkg/apis/apiserver). */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { readAuthorizationConfiguration } from './authorization-configuration.ts';
import { file } from './outside-fixture.ts';

const HEAD = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthorizationConfiguration' };
const kubeConfigFile = await file('cases.kubeconfig', {});
const WEBHOOK = {
  timeout: '5s',
  subjectAccessReviewVersion: 'v1',
  failurePolicy: 'Deny',
  connectionInfo: { type: 'KubeConfigFile', kubeConfigFile },
};
const RBAC = { type: 'RBAC', name: 'rbac' };
const NODE = { type: 'Node', name: 'node' };

const read = (document: object) => readAuthorizationConfiguration('/f', JSON.stringify({ ...HEAD, ...document }));
const webhook = (fields: object, name = 'w') => ({ type: 'Webhook', name, webhook: { ...WEBHOOK, ...fields } });
const refused = (document: object, why: string) =>
  assert.rejects(read(document), { code: 'CONFIGURATION_FILE', message: `--authorization-config /f: ${why}` });

test('every version is read, and what is not said has upstream’s defaults', async () => {
  for (const version of ['v1', 'v1beta1', 'v1alpha1'])
    assert.equal((await read({ apiVersion: `apiserver.config.k8s.io/${version}`, authorizers: [RBAC] }))[0]!.mode, 'RBAC');
  const ttls = { authorizedTTL: '0s', unauthorizedTTL: '0', cacheUnauthorizedRequests: false };
  const [configured] = await read({ authorizers: [webhook(ttls)] });
  assert.deepEqual([configured!.webhook!.authorizedTtlMs, configured!.webhook!.unauthorizedTtlMs], [300_000, 0]);
});

test('authorizers that are wrong are refused in upstream’s words', async () => {
  const required = (...fields: string[]) => `[${fields.map((field) => `authorizers[0].${field}: Required value`).join(', ')}]`;
  const types = '"ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"';
  for (const [authorizers, why] of [
    [[], 'authorizers: Required value: at least one authorization mode must be defined'],
    [null, 'authorizers: Required value: at least one authorization mode must be defined'],
    [[null], 'authorizers[0].type: Required value'],
    [[{ type: 'Foo', name: 'x' }], `authorizers[0].type: Unsupported value: "Foo": supported values: ${types}`],
    [[{ type: 'RBAC' }], 'authorizers[0].name: Required value'],
    [[{ type: 'RBAC', name: 'x' }], 'expected name rbac for authorizer RBAC instead of x'],
    [
      [
        { ...NODE, name: 'a' },
        { ...RBAC, name: 'b' },
      ],
      '[expected name node for authorizer Node instead of a, expected name rbac for authorizer RBAC instead of b]',
    ],
    [[NODE, NODE], 'authorizers[1].type: Duplicate value: "Node"'],
    [[NODE, { ...RBAC, name: 'node' }], 'authorizers[1].name: Duplicate value: "node"'],
    [[{ ...RBAC, webhook: {} }], 'authorizers[0].webhook: Invalid value: "non-null": may only be specified when type=Webhook'],
    [[{ type: 'Webhook', name: 'w' }], 'authorizers[0].webhook: Required value: required when type=Webhook'],
    [
      [{ type: 'Webhook', webhook: {} }],
      required('name', 'timeout', 'subjectAccessReviewVersion', 'failurePolicy', 'connectionInfo.type'),
    ],
    [[{ ...RBAC, foo: 1 }], 'strict decoding error: unknown field "authorizers[0].foo"'],
    [[{ type: 'ABAC', name: 'abac' }], 'authorizers[0].type: ABAC is not offered by this file; use --authorization-mode'],
  ] as const)
    await refused({ authorizers }, why);
  await assert.rejects(readAuthorizationConfiguration('/f', ''), /authorizers: Required value/);
});

test('webhooks that are wrong are refused in upstream’s words', async () => {
  const directory = dirname(kubeConfigFile);
  const connection = (type: string, path?: string) => ({
    connectionInfo: { type, ...(path !== undefined && { kubeConfigFile: path }) },
  });
  for (const [fields, why] of [
    [{ timeout: '0s' }, 'timeout: Required value'],
    [{ timeout: '90m' }, 'timeout: Invalid value: "1h30m0s": must be > 0s and <= 30s'],
    [{ authorizedTTL: '-1.5h' }, 'authorizedTTL: Invalid value: "-1h30m0s": must be > 0s'],
    [
      { subjectAccessReviewVersion: 'v2' },
      'subjectAccessReviewVersion: Unsupported value: "v2": supported values: "v1", "v1beta1"',
    ],
    [{ failurePolicy: 'Fail' }, 'failurePolicy: Unsupported value: "Fail": supported values: "NoOpinion", "Deny"'],
    [{ connectionInfo: null }, 'connectionInfo.type: Required value'],
    [
      connection('InClusterConfig', ''),
      'connectionInfo.kubeConfigFile: Invalid value: "": can only be set when type=KubeConfigFile',
    ],
    [connection('InClusterConfig'), 'connectionInfo.type: InClusterConfig is not offered; use KubeConfigFile'],
    [
      connection('X'),
      'connectionInfo.type: Unsupported value: {"Type":"X","KubeConfigFile":null}: supported values: "InClusterConfig", "KubeConfigFile"',
    ],
    [connection('KubeConfigFile', ''), 'connectionInfo.kubeConfigFile: Required value'],
    [connection('KubeConfigFile', 'rel'), 'connectionInfo.kubeConfigFile: Invalid value: "rel": must be an absolute path'],
    [
      connection('KubeConfigFile', directory),
      `connectionInfo.kubeConfigFile: Invalid value: "${directory}": must be a regular file`,
    ],
    [
      connection('KubeConfigFile', `${directory}/none`),
      `connectionInfo.kubeConfigFile: Invalid value: "${directory}/none": error loading file: stat ${directory}/none: no such file or directory`,
    ],
    [
      connection('KubeConfigFile', `${kubeConfigFile}/x`),
      `connectionInfo.kubeConfigFile: Invalid value: "${kubeConfigFile}/x": error loading file: stat ${kubeConfigFile}/x: not a directory`,
    ],
  ] as const)
    await refused({ authorizers: [webhook(fields)] }, `authorizers[0].${why}`);
  await refused({ authorizers: [webhook({ timeout: '1d' })] }, 'time: unknown unit "d" in duration "1d"');
  await refused({ authorizers: [webhook({}), webhook({})] }, 'authorizers[1].name: Duplicate value: "w"');
});

test('conditions that are wrong are refused in upstream’s words', async () => {
  const conditions = (...list: unknown[]) => ({
    authorizers: [webhook({ matchConditionSubjectAccessReviewVersion: 'v1', matchConditions: list })],
  });
  const at = (i: number) => `authorizers[0].matchConditions[${i}].expression`;
  await refused(conditions(null), `${at(0)}: Required value`);
  await refused(conditions({ expression: ' ' }), `${at(0)}: Required value`);
  await refused(
    conditions({ expression: '1' }, { expression: '1' }),
    `[${at(0)}: Invalid value: "1": must evaluate to bool but got int, ${at(1)}: Duplicate value: "1"]`,
  );
  await assert.rejects(read(conditions({ expression: 'request.nothing' })), /undefined field 'nothing'/);
  const many = Array.from({ length: 65 }, (_, i) => ({ expression: `${i} == 1` }));
  await refused(conditions(...many), 'authorizers[0].matchConditions: Too many: 65: must have at most 64 items');
  const unversioned = webhook({ matchConditions: [{ expression: 'true' }] });
  const version = 'authorizers[0].matchConditionSubjectAccessReviewVersion';
  await refused({ authorizers: [unversioned] }, `${version}: Required value: required if match conditions are specified`);
  await refused(
    { authorizers: [webhook({ matchConditionSubjectAccessReviewVersion: 'v1beta1' })] },
    `${version}: Unsupported value: "v1beta1": supported values: "v1"`,
  );
});
