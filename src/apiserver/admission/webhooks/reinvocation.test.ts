import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createSecurity } from '../../security.ts';
import { startTestApi, type TestApi } from '../../test-api.ts';
import { jsonPatch, type ReviewRequest, startTestWebhook, type TestWebhook } from './test-webhook.ts';

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

type Operation = { readonly op: string; readonly path: string; readonly value?: unknown };
interface Pod {
  readonly metadata: { readonly labels: Record<string, string> };
  readonly spec: { readonly priorityClassName?: string; readonly priority?: number };
}

const label = (op: 'add' | 'replace', name: string, value: string) => [{ op, path: `/metadata/labels/${name}`, value }];

/** What each webhook changes of a pod. */
const CHANGES: Record<string, (pod: Pod) => readonly Operation[]> = {
  nothing: () => [],
  yes: () => label('replace', 'fight', 'yes'),
  no: () => label('replace', 'fight', 'no'),
  a: ({ metadata }) => (metadata.labels['a'] ? [] : label('add', 'a', 'set')),
  'b-after-a': ({ metadata }) => (metadata.labels['a'] ? label('add', 'b', 'set') : []),
  high: ({ spec }) =>
    spec.priorityClassName === 'high'
      ? []
      : [
          { op: 'add', path: '/spec/priorityClassName', value: 'high' },
          { op: 'remove', path: '/spec/priority' },
        ],
  unknown: () => [{ op: 'add', path: '/spec/priorityClassName', value: 'unknown' }],
};

describe('mutating webhooks and plugins that change what others see', () => {
  let api: TestApi;
  let hook: TestWebhook;
  before(async () => {
    api = await startTestApi({
      composeSecurity: createSecurity,
      security: { authorizationModes: ['AlwaysAllow'], disableAdmissionPlugins: ['ServiceAccount'] },
    });
    hook = await startTestWebhook(api.pki, (path, request: ReviewRequest) => {
      const operations = CHANGES[path.slice(1)]!(request['object'] as Pod);
      return operations.length ? jsonPatch(operations) : { allowed: true };
    });
    for (const [name, value] of Object.entries({ low: 1, high: 10 }))
      await api.call('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name }, value });
  });
  after(async () => {
    await hook.stop();
    await api.stop();
  });
  beforeEach(async () => {
    await api.call('DELETE', CONFIGURATIONS);
    hook.asked.length = 0;
  });

  interface Case {
    readonly webhooks: readonly (string | [string, object])[];
    readonly policy?: 'IfNeeded' | 'Never';
    readonly priorityClassName?: string;
  }
  async function create({ webhooks, policy = 'IfNeeded', priorityClassName = 'low' }: Case) {
    const made = await api.call('POST', CONFIGURATIONS, {
      metadata: { name: 'all' },
      webhooks: webhooks.map((each, i) => {
        const [name, more] = typeof each === 'string' ? [each, {}] : each;
        return {
          name: `${name}.${i}.example.com`,
          clientConfig: { url: `${hook.url}/${name}`, caBundle: hook.caBundle },
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          reinvocationPolicy: policy,
          ...more,
        };
      }),
    });
    assert.equal(made.status, 201, made.text);
    const pod = {
      metadata: { generateName: 'a-', labels: { x: 'y' } },
      spec: { priorityClassName, containers: [{ name: 'a', image: 'b' }] },
    };
    const { status, body } = await api.call<Pod & { message: string }>('POST', '/api/v1/namespaces/default/pods', pod);
    const asked = hook.asked.map(({ path }) => path.slice(1).split('?')[0]).join(' ');
    return { status, asked, labels: body.metadata.labels, priority: body.spec?.priority, message: body.message };
  }

  const cases: Record<string, readonly [Case, string, Record<string, string>?]> = {
    'what plugins alone change asks nobody again': [{ webhooks: ['nothing'] }, 'nothing'],
    'what plugins do not change after a webhook asks it not again': [{ webhooks: ['a'] }, 'a', { a: 'set' }],
    'what plugins change after a webhook asks it again': [{ webhooks: ['high'] }, 'high high'],
    'a webhook is asked again after a later one, which is not': [
      { webhooks: ['a', 'b-after-a'] },
      'a b-after-a a',
      { a: 'set', b: 'set' },
    ],
    'what is changed again when it is asked again asks the later one again': [
      { webhooks: ['yes', 'no'] },
      'yes no yes no',
      { fight: 'no' },
    ],
    'one that was not asked the first time is not asked because labels match now': [
      { webhooks: [['b-after-a', { objectSelector: { matchLabels: { a: 'set' } } }], 'a'] },
      'a',
      { a: 'set' },
    ],
    'who never wants to be asked again is not': [{ webhooks: ['b-after-a', 'a'], policy: 'Never' }, 'b-after-a a', { a: 'set' }],
  };
  for (const [title, [given, asked, labels]] of Object.entries(cases))
    test(title, async () => {
      const made = await create(given);
      assert.equal(made.status, 201, made.message);
      assert.deepEqual([made.asked, made.labels], [asked, { x: 'y', ...labels }]);
      assert.equal(made.priority, given.webhooks[0] === 'high' ? 10 : 1);
    });

  test('what a plugin cannot do with a webhook’s change is refused', async () => {
    const { status, asked, message } = await create({ webhooks: ['unknown'], priorityClassName: '' });
    assert.deepEqual([status, asked], [403, 'unknown']);
    assert.match(message, /no PriorityClass with name unknown was found$/);
  });
});
