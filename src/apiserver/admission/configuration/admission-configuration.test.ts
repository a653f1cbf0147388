import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../../test/harness/temporary-directory.ts';
import { readAdmissionConfiguration } from './admission-configuration.ts';

async function read(text: string, files: Readonly<Record<string, string>> = {}) {
  await using directory = await temporaryDirectory();
  for (const [name, content] of Object.entries({ ...files, 'admission.yaml': text }))
    await writeFile(join(directory.path, name), content);
  return await readAdmissionConfiguration(join(directory.path, 'admission.yaml'));
}

const file = (plugins: string) => `apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n${plugins}`;
const podSecurity = (rest: string) => `
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    ${rest}`;

test('the file tells PodSecurity its defaults and exemptions', async () => {
  const text = file(
    podSecurity(
      'defaults: {enforce: baseline, enforce-version: v1.24, warn: restricted}\n    exemptions: {usernames: [a], runtimeClasses: [vm], namespaces: [kube-system]}',
    ),
  );
  assert.deepEqual((await read(text)).podSecurity, {
    defaults: {
      enforce: { level: 'baseline', version: 24 },
      audit: { level: 'privileged', version: 'latest' },
      warn: { level: 'restricted', version: 'latest' },
    },
    exemptions: { usernames: ['a'], runtimeClasses: ['vm'], namespaces: ['kube-system'] },
  });
});

test('a plugin\u2019s part can be in a file beside it', async () => {
  const text = file('- name: ResourceQuota\n  path: quota.yaml\n');
  const quota = `apiVersion: apiserver.config.k8s.io/v1
kind: ResourceQuotaConfiguration
limitedResources:
- resource: pods
  matchScopes:
  - {scopeName: PriorityClass, operator: In, values: [high]}
- apiGroup: apps
  resource: deployments
  matchContains: [count/]
`;
  assert.deepEqual((await read(text, { 'quota.yaml': quota })).limitedResources, [
    {
      apiGroup: '',
      resource: 'pods',
      matchContains: [],
      matchScopes: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }],
    },
    { apiGroup: 'apps', resource: 'deployments', matchContains: ['count/'], matchScopes: [] },
  ]);
});

test('events are limited, and node selectors given, by it', async () => {
  const text = file(`- name: EventRateLimit
  configuration:
    apiVersion: eventratelimit.admission.k8s.io/v1alpha1
    kind: Configuration
    limits: [{type: Server, qps: 50, burst: 100}, {type: User, qps: 1, burst: 2, cacheSize: 7}]
- name: PodNodeSelector
  configuration:
    podNodeSelectorPluginConfig: {clusterDefaultNodeSelector: env=test}
- name: PodTolerationRestriction
  configuration:
    apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1
    kind: Configuration
    default: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 0}]
`);
  const { eventLimits, nodeSelectors, tolerations } = await read(text);
  assert.deepEqual(eventLimits, [
    { type: 'Server', qps: 50, burst: 100, cacheSize: 4096 },
    { type: 'User', qps: 1, burst: 2, cacheSize: 7 },
  ]);
  assert.deepEqual(nodeSelectors, { clusterDefaultNodeSelector: 'env=test' });
  assert.deepEqual(tolerations, {
    default: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 }],
    whitelist: [],
  });
});

test('the image policy’s part and node selectors have no version, inline and in files', async () => {
  await using directory = await temporaryDirectory();
  const kubeconfig = join(directory.path, 'kubeconfig');
  await writeFile(
    kubeconfig,
    'clusters: [{name: c, cluster: {server: "https://images.example.com"}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\ncurrent-context: x\n',
  );
  const policy = `imagePolicy: {kubeConfigFile: ${kubeconfig}, allowTTL: 50, denyTTL: -1, defaultAllow: true}`;
  const files = { 'policy.yaml': policy, 'selectors.yaml': 'podNodeSelectorPluginConfig: {a: b=c}' };
  const paths = '- {name: ImagePolicyWebhook, path: policy.yaml}\n- {name: PodNodeSelector, path: selectors.yaml}';
  const imagePolicy = {
    kubeconfigPath: kubeconfig,
    allowTtlMs: 50_000,
    denyTtlMs: 0,
    retryBackoffMs: 500,
    defaultAllow: true,
  };
  assert.deepEqual(await read(file(paths), files), { imagePolicy, nodeSelectors: { a: 'b=c' } });
  const inline = (text: string) => file(`- name: ImagePolicyWebhook\n  configuration: {${text}}`);
  assert.deepEqual(await read(inline(policy)), { imagePolicy });
  await assert.rejects(
    read(inline(policy.replace('allowTTL: 50', 'allowTTL: 1'))),
    /imagePolicy\.allowTTL: valid value is between 1s and 30m0s, got 1s/,
  );
  await assert.rejects(read(inline('imagePolicy: {kubeConfigFile: /nowhere}')), /imagePolicy\.kubeConfigFile: .*nowhere/);
});

for (const [what, text, why] of [
  ['another kind', 'apiVersion: v1\nkind: Pod', /no kind "Pod" is registered for version "v1"/],
  [
    'a plugin that cannot be told anything',
    file('- name: Priority\n  configuration: {}'),
    /plugins: "Priority" takes no configuration here/,
  ],
  ['a plugin without configuration', file('- name: PodSecurity'), /PodSecurity: the configuration is missing/],
  ['a field that is not known', file(podSecurity('default: {}')), /PodSecurity: strict decoding error: unknown field "default"/],
  [
    'a level that is none',
    file(podSecurity('defaults: {enforce: strict}')),
    /defaults\.enforce: Invalid value: "strict": must be one of privileged, baseline, restricted/,
  ],
  [
    'a version that is none',
    file(podSecurity('defaults: {audit-version: "1.2"}')),
    /defaults\.audit-version: Invalid value: "1\.2": must be "latest" or "v1\.x"/,
  ],
  ['a name twice', file(podSecurity('exemptions: {namespaces: [a, a]}')), /exemptions\.namespaces\[1\]: Duplicate value: "a"/],
  [
    'a name that is none',
    file(podSecurity('exemptions: {namespaces: [A_]}')),
    /exemptions\.namespaces\[0\]: Invalid value: "A_"/,
  ],
  ['a list that is none', file(podSecurity('exemptions: {usernames: x}')), /exemptions\.usernames: must be a list/],
  [
    'an unknown version of a plugin\u2019s part',
    file(podSecurity('defaults: {}').replace('k8s.io/v1', 'k8s.io/v9')),
    /is registered for version "pod-security\.admission\.config\.k8s\.io\/v9"/,
  ],
] as const) {
  test(`${what} is refused, with the file's name`, async () => {
    await assert.rejects(read(text), (error: Error) => {
      assert.match(error.message, why);
      assert.match(error.message, /^--admission-control-config-file .*admission\.yaml: /);
      return true;
    });
  });
}

test('a file of before 1.7, which is a plugin’s part itself, is read; others without a kind are not', async () => {
  const { nodeSelectors } = await read('podNodeSelectorPluginConfig:\n  clusterDefaultNodeSelector: a=b\n');
  assert.deepEqual(nodeSelectors, { clusterDefaultNodeSelector: 'a=b' });
  await assert.rejects(read('imagePolicy: {kubeConfigFile: 7}\n'), /ImagePolicyWebhook/);
  await assert.rejects(read('podSecurity: {}\n'), /Object 'Kind' is missing/);
  await assert.rejects(read(file('- null\n')), /plugins: "" takes no configuration here/);
});
