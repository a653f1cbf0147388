import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createSecurity } from '../../security.ts';
import { type Answer, configMap, pod, startTestApi, type TestApi } from '../../test-api.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const KINDS = ['validatingadmissionpolicy', 'mutatingadmissionpolicy'] as const;

type Created = Record<string, never> & { metadata: { name: string } };

let api: TestApi;
before(async () => {
  api = await startTestApi({
    composeSecurity: createSecurity,
    security: { authorizationModes: ['AlwaysAllow'], disableAdmissionPlugins: ['ServiceAccount'] },
  });
});
after(() => api.stop());
beforeEach(async () => {
  for (const kind of KINDS) {
    await api.call('DELETE', `${GROUP}/${kind.replace(/y$/, 'ies')}`);
    await api.call('DELETE', `${GROUP}/${kind}bindings`);
  }
  await api.call('DELETE', CONFIG_MAPS);
});

const rule = (resources: string[], operations = ['CREATE', 'UPDATE'], apiGroups = [''], apiVersions = ['v1']) => ({
  resources,
  operations,
  apiGroups,
  apiVersions,
});
const messageOf = ({ body }: Answer<object>) => (body as { message?: string }).message;
const create = (name: string, data = {}, metadata = {}) =>
  api.call<Created>('POST', CONFIG_MAPS, configMap(name, data, metadata));

async function make(resource: string, object: object): Promise<void> {
  const made = await api.call('POST', `${GROUP}/${resource}`, object);
  assert.equal(made.status, 201, made.text);
}

async function validating(name: string, spec: object, binding: object = {}): Promise<void> {
  await make('validatingadmissionpolicies', {
    metadata: { name },
    spec: { matchConstraints: { resourceRules: [rule(['configmaps'])] }, ...spec },
  });
  await make('validatingadmissionpolicybindings', {
    metadata: { name: `${name}-b` },
    spec: { policyName: name, validationActions: ['Deny'], ...binding },
  });
}

describe('validating policies', () => {
  test('a policy refuses with its message, its reason and the code of that', async () => {
    await validating('p', {
      validations: [
        { expression: 'object.data.x == "1"', messageExpression: '"x is " + object.data.x', reason: 'Forbidden' },
        { expression: 'has(object.data.y)', message: 'no y' },
      ],
    });
    const refused = await create('a', { x: '2' });
    assert.deepEqual(
      [refused.status, messageOf(refused), (refused.body as object as { reason: string }).reason],
      [403, `configmaps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-b' denied request: x is 2`, 'Forbidden'],
    );
    const other = await create('a', { x: '1' });
    assert.deepEqual(
      [other.status, messageOf(other)],
      [422, `configmaps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-b' denied request: no y`],
    );
    assert.equal((await create('a', { x: '1', y: '' })).status, 201);
  });

  test('without a message the expression is shown; what fails is shown with its failure', async () => {
    await validating('p', { validations: [{ expression: ' object.data.x == "1" ' }] });
    assert.match(messageOf(await create('a', { x: '2' }))!, /denied request: failed expression: object\.data\.x == "1"$/);
    assert.match(
      messageOf(await create('a', { y: '2' }))!,
      /denied request: expression ' object\.data\.x == "1" ' resulted in error: no such key: x$/,
    );
  });

  test('a policy that fails lets everything through when that is its failure policy', async () => {
    await validating('p', { failurePolicy: 'Ignore', validations: [{ expression: 'object.data.x == "1"' }] });
    assert.equal((await create('a', { y: '2' })).status, 201);
    assert.equal((await create('b', { x: '2' })).status, 422);
  });

  test('nothing happens without a binding, and a binding can be about less than its policy', async () => {
    await make('validatingadmissionpolicies', {
      metadata: { name: 'p' },
      spec: { matchConstraints: { resourceRules: [rule(['configmaps'])] }, validations: [{ expression: 'false' }] },
    });
    assert.equal((await create('a')).status, 201);
    await make('validatingadmissionpolicybindings', {
      metadata: { name: 'b' },
      spec: {
        policyName: 'p',
        validationActions: ['Deny'],
        matchResources: { objectSelector: { matchLabels: { strict: 'yes' } } },
      },
    });
    assert.equal((await create('b')).status, 201);
    assert.equal((await create('c', {}, { labels: { strict: 'yes' } })).status, 422);
  });

  test('a binding can warn instead', async () => {
    await validating('p', { validations: [{ expression: 'false', message: 'bad' }] }, { validationActions: ['Warn', 'Audit'] });
    const made = await create('a');
    assert.equal(made.status, 201);
    assert.equal(made.headers['warning'], `299 - "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-b': bad"`);
  });

  test('expressions see the request, the namespace, the old object, variables and the authorizer', async () => {
    await validating('p', {
      matchConstraints: { resourceRules: [rule(['configmaps'], ['*'])] },
      variables: [
        { name: 'names', expression: 'object == null ? [] : object.data.map(k, k)' },
        { name: 'count', expression: 'size(variables.names)' },
      ],
      validations: [
        {
          expression: 'request.operation != "CREATE" || variables.count == 2',
          messageExpression: '"count is " + string(variables.count)',
        },
        { expression: 'namespaceObject.metadata.name == request.namespace && request.userInfo.username == "admin"' },
        { expression: 'oldObject == null || object == null || object.data.x >= oldObject.data.x', message: 'x shrinks' },
        {
          expression:
            'authorizer.group("").resource("pods").namespace("default").check("create").allowed() && authorizer.requestResource.check("get").allowed()',
        },
        {
          expression: 'authorizer.path("/healthz").check("get").allowed()',
        },
      ],
    });
    assert.match(messageOf(await create('a', { x: '2' }))!, /count is 1$/);
    const made = await create('a', { x: '2', y: '2' });
    assert.equal(made.status, 201, made.text);
    const shrunk = await api.call(
      'PATCH',
      `${CONFIG_MAPS}/a`,
      { data: { x: '1' } },
      { 'content-type': 'application/merge-patch+json' },
    );
    assert.match(messageOf(shrunk)!, /x shrinks$/);
    assert.equal((await api.call('DELETE', `${CONFIG_MAPS}/a`)).status, 200);
  });

  test('match conditions keep a policy from a request', async () => {
    await validating('p', {
      matchConditions: [{ name: 'named', expression: 'object.metadata.name.startsWith("x")' }],
      validations: [{ expression: 'false' }],
    });
    assert.equal((await create('a')).status, 201);
    assert.equal((await create('x')).status, 422);
  });

  test('parameters come by name or by labels, and their absence is decided by the binding', async () => {
    const spec = {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      matchConstraints: { resourceRules: [rule(['secrets'])] },
      validations: [
        {
          expression: 'params == null || object.metadata.name != params.data.forbidden',
          messageExpression: '"not " + params.data.forbidden',
        },
      ],
    };
    await validating('p', spec, { paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' } });
    const secret = (name: string) => api.call('POST', '/api/v1/namespaces/default/secrets', { metadata: { name } });
    assert.match(
      messageOf(await secret('a'))!,
      /denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
    );
    await create('limits', { forbidden: 'a' }, { labels: { for: 'secrets' } });
    assert.match(messageOf(await secret('a'))!, /not a$/);
    assert.equal((await secret('b')).status, 201);
    const patched = await api.call(
      'PATCH',
      `${GROUP}/validatingadmissionpolicybindings/p-b`,
      [
        {
          op: 'replace',
          path: '/spec/paramRef',
          value: { selector: { matchLabels: { for: 'secrets' } }, parameterNotFoundAction: 'Allow' },
        },
      ],
      { 'content-type': 'application/json-patch+json' },
    );
    assert.equal(patched.status, 200, patched.text);
    await create('limits2', { forbidden: 'c' }, { labels: { for: 'secrets' } });
    assert.match(messageOf(await secret('c'))!, /not c$/);
    await api.call('DELETE', CONFIG_MAPS);
    assert.equal((await secret('c')).status, 201);
  });

  test('a kind of parameters that is not there is an error of the policy', async () => {
    await validating(
      'p',
      { paramKind: { apiVersion: 'example.com/v1', kind: 'Limit' }, validations: [{ expression: 'true' }] },
      { paramRef: { name: 'x', parameterNotFoundAction: 'Allow' } },
    );
    assert.match(
      messageOf(await create('a'))!,
      /ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'example.com\/v1, Kind=Limit'$/,
    );
  });

  test('an expression that costs too much is stopped, and refuses', async () => {
    const big = 'a'.repeat(40);
    await validating('p', {
      validations: [
        {
          expression: `[${Array.from({ length: 60 }, (_, i) => i)}].all(a, [${Array.from({ length: 60 }, (_, i) => i)}].all(b, [${Array.from({ length: 60 }, (_, i) => i)}].all(c, a + b + c >= 0 && object.data.x != "${big}")))`,
        },
      ],
    });
    assert.match(
      messageOf(await create('a', { x: '1' }))!,
      /resulted in error: operation cancelled: actual cost limit exceeded$/,
    );
  });

  test('a policy for one version is for all of them', async () => {
    await validating('p', {
      matchConstraints: { resourceRules: [rule(['horizontalpodautoscalers'], ['CREATE'], ['autoscaling'], ['v1'])] },
      validations: [
        {
          expression:
            'object.apiVersion == "autoscaling/v1" && request.requestKind.version == "v2" && object.spec.maxReplicas < 3',
        },
      ],
    });
    const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3 };
    const path = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
    assert.equal((await api.call('POST', path, { metadata: { name: 'h' }, spec })).status, 422);
    assert.equal((await api.call('POST', path, { metadata: { name: 'h' }, spec: { ...spec, maxReplicas: 2 } })).status, 201);
  });

  test('policies are not about policies', async () => {
    await validating('p', {
      matchConstraints: { resourceRules: [rule(['*'], ['*'], ['*'], ['*'])] },
      validations: [{ expression: 'false' }],
    });
    assert.equal((await create('a')).status, 422);
    assert.equal((await api.call('DELETE', `${GROUP}/validatingadmissionpolicies/p`)).status, 200);
  });

  test('expressions are compiled when a policy is made', async () => {
    const spec = {
      matchConstraints: { resourceRules: [rule(['configmaps'])] },
      variables: [
        { name: 'a', expression: '1 +' },
        { name: 'namespace', expression: '1' },
      ],
      validations: [
        { expression: 'object.x', message: 'a\nb', reason: 'Odd' },
        { expression: 'params.x == 1' },
        { expression: 'variables.a == 1 && variables.b == 1', messageExpression: '1' },
      ],
      auditAnnotations: [{ key: 'k', valueExpression: '1' }],
    };
    const refused = await api.call('POST', `${GROUP}/validatingadmissionpolicies`, { metadata: { name: 'p' }, spec });
    const { causes } = (refused.body as object as { details: { causes: { field: string; message: string }[] } }).details;
    assert.deepEqual(
      causes.map(({ field, message }) => `${field}: ${message.split('\n')[0]}`.replace(/expecting \{.*/, '…')),
      [
        `spec.variables[0].expression: Invalid value: "1 +": compilation failed: ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' …`,
        'spec.variables[1].name: Invalid value: "namespace": must be a valid CEL identifier',
        'spec.validations[0].expression: Invalid value: "object.x": must evaluate to bool but got dyn',
        'spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks',
        'spec.validations[0].reason: Unsupported value: "Odd": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
        `spec.validations[1].expression: Invalid value: "params.x == 1": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')`,
        `spec.validations[2].expression: Invalid value: "variables.a == 1 && variables.b == 1": compilation failed: ERROR: <input>:1:30: undefined field 'b'`,
        'spec.validations[2].messageExpression: Invalid value: "1": must evaluate to string but got int',
        'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string null_type] but got int',
      ],
    );
  });
});

describe('mutating policies', () => {
  async function mutating(name: string, mutations: object[], more: object = {}): Promise<void> {
    await make('mutatingadmissionpolicies', {
      metadata: { name },
      spec: {
        matchConstraints: { resourceRules: [rule(['configmaps', 'pods'], ['CREATE'])] },
        reinvocationPolicy: 'Never',
        mutations,
        ...more,
      },
    });
    await make('mutatingadmissionpolicybindings', { metadata: { name: `${name}-b` }, spec: { policyName: name } });
  }
  const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
  const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });

  test('what a policy applies is merged into the object', async () => {
    await mutating('p', [apply('Object{metadata: Object.metadata{labels: {"by": object.metadata.name}}}')]);
    const made = await create('a', { x: '1' }, { labels: { mine: 'yes' } });
    assert.deepEqual(made.body.metadata, { ...made.body.metadata, labels: { mine: 'yes', by: 'a' } });
  });

  test('containers are merged by their names', async () => {
    await mutating('p', [
      apply(
        `Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, env: [Object.spec.containers.env{name: "SEEN", value: "yes"}]})}}`,
      ),
    ]);
    const made = await api.call<{ spec: { containers: { image: string; env: object[] }[] } }>(
      'POST',
      '/api/v1/namespaces/default/pods',
      pod('a'),
    );
    assert.equal(made.status, 201, made.text);
    assert.deepEqual(
      [made.body.spec.containers[0]!.image, made.body.spec.containers[0]!.env],
      ['busybox', [{ name: 'SEEN', value: 'yes' }]],
    );
  });

  test('a policy patches, and a test that fails leaves the object alone', async () => {
    await mutating('p', [
      patch('[JSONPatch{op: "add", path: "/data/" + jsonpatch.escapeKey("a/b"), value: "1"}]'.replace('a/b', 'a.b')),
      patch('[JSONPatch{op: "test", path: "/data/x", value: "other"}, JSONPatch{op: "remove", path: "/data/x"}]'),
    ]);
    assert.deepEqual((await create('a', { x: '1' })).body['data'], { x: '1', 'a.b': '1' });
  });

  test('a policy that wants it is asked again after another one changed the object', async () => {
    await mutating('a', [patch('[JSONPatch{op: "add", path: "/data/count", value: string(size(object.data))}]')], {
      reinvocationPolicy: 'IfNeeded',
    });
    await mutating('b', [patch('has(object.data.late) ? [] : [JSONPatch{op: "add", path: "/data/late", value: "1"}]')]);
    assert.deepEqual((await create('a', { x: '1' })).body['data'], { x: '1', late: '1', count: '3' });
  });

  test('what does not work out refuses the request', async () => {
    await mutating('p', [apply('Object{metadata: Object.spec{labels: {"a": "b"}}}')]);
    assert.match(
      messageOf(await create('a'))!,
      /^policy 'p' with binding 'p-b' denied request: type mismatch: unexpected type name "Object\.spec", expected "Object\.metadata"/,
    );
    await api.call('DELETE', `${GROUP}/mutatingadmissionpolicies/p`);
    await mutating('q', [apply('Object{spec: Object.spec{tolerations: [Object.spec.tolerations{key: "a"}]}}')]);
    const refused = await api.call('POST', '/api/v1/namespaces/default/pods', pod('b'));
    assert.match(messageOf(refused)!, /may not mutate atomic arrays, maps or structs: \.spec\.tolerations$/);
  });

  test('mutations must make objects or patches', async () => {
    const refused = await api.call('POST', `${GROUP}/mutatingadmissionpolicies`, {
      metadata: { name: 'p' },
      spec: {
        matchConstraints: { resourceRules: [rule(['pods'])] },
        mutations: [apply('1'), patch('Object{}'), { patchType: 'JSONPatch' }],
      },
    });
    const { causes } = (refused.body as object as { details: { causes: { field: string; message: string }[] } }).details;
    assert.deepEqual(
      causes.map(({ field, message }) => `${field}: ${message}`),
      [
        'spec.mutations[0].applyConfiguration.expression: Invalid value: "1": must evaluate to Object but got int',
        'spec.mutations[1].jsonPatch.expression: Invalid value: "Object{}": must evaluate to list(JSONPatch) but got Object',
        'spec.mutations[2].jsonPatch: Required value: must be specified when patchType is JSONPatch',
        'spec.reinvocationPolicy: Required value',
      ],
    );
  });
});
