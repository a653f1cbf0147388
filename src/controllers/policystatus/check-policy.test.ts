import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runAtOnce } from '../../std/pauses.ts';
import { checkPolicy } from './check-policy.ts';
import { kindType, type OpenApiDocument } from './openapi-types.ts';
import { kindsNamed, openApiPath, resourcesToCheck } from './plan.ts';

const node = { group: 'example.com', version: 'v1', kind: 'Node' };
const document: OpenApiDocument = {
  components: {
    schemas: {
      Node: {
        type: 'object',
        'x-kubernetes-group-version-kind': [node],
        properties: {
          spec: { allOf: [{ $ref: '#/components/schemas/Spec' }] },
          labels: { type: 'object', additionalProperties: { type: 'string' } },
        },
      },
      Spec: {
        type: 'object',
        properties: {
          replicas: { type: 'integer' },
          children: { type: 'array', items: { $ref: '#/components/schemas/Spec' } },
          'a-b': { type: 'string' },
          port: { 'x-kubernetes-int-or-string': true },
          size: {},
          sizes: { type: 'array', items: {} },
          amounts: { type: 'object', additionalProperties: {} },
        },
      },
    },
  },
};
const type = kindType(document, node)!;
const check = (expression: string, more = {}) =>
  runAtOnce(checkPolicy({ validations: [{ expression, ...more }] }, [{ ...node, type }], undefined));

test('expressions are held against the types of the objects that they will meet', () => {
  assert.deepEqual(
    check(
      'object.spec.replicas > 1 && object.spec.a__dash__b == "x" && object.spec.children.size() > 0 && object.spec.port == 1',
    ),
    [],
  );
  assert.match(check('object.spec.children[0].replicas > 1')[0]!.warning, /undefined field 'replicas'/);
  const [warning] = check('object.spec.replicas > "1"');
  assert.equal(warning!.fieldRef, 'spec.validations[0].expression');
  assert.match(
    warning!.warning,
    /^example\.com\/v1, Kind=Node: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '\(int, string\)'\n \| object/,
  );
  assert.match(check('true', { messageExpression: 'object.nope' })[0]!.warning, /undefined field 'nope'/);
  assert.equal(check('true', { messageExpression: 'object.nope' })[0]!.fieldRef, 'spec.validations[0].messageExpression');
});

test('variables have the types of what they are made of', () => {
  const spec = {
    variables: [{ name: 'n', expression: 'object.spec.replicas' }],
    validations: [{ expression: 'variables.n == "x"' }],
  };
  assert.match(runAtOnce(checkPolicy(spec, [{ ...node, type }], undefined))[0]!.warning, /applied to '\(int, string\)'/);
});

test('a kind that the document does not have has no type', () => {
  assert.equal(kindType(document, { ...node, kind: 'Other' }), undefined);
  assert.equal(kindType({}, node), undefined);
});

test('types are looked up for what rules name in full', () => {
  const rule = (apiGroups: string[], apiVersions: string[], resources: string[]) => ({
    operations: ['*'],
    apiGroups,
    apiVersions,
    resources,
  });
  const resourceRules = [
    rule(['apps', ''], ['v1'], ['pods', 'pods/status', '*/scale']),
    rule(['*'], ['v1'], ['nodes']),
    rule([''], ['v1'], ['pods']),
  ];
  const pods = { group: '', version: 'v1', resource: 'pods' };
  assert.deepEqual(resourcesToCheck({ matchConstraints: { resourceRules } }), [[pods, { ...pods, group: 'apps' }], [], [pods]]);
  assert.deepEqual([openApiPath('', 'v1'), openApiPath('apps', 'v1')], ['/openapi/v3/api/v1', '/openapi/v3/apis/apps/v1']);
});

test('a resource is found by its plural, its singular and its kind, and subresources are none', () => {
  const resources = [
    { name: 'deployments', singularName: 'deployment', kind: 'Deployment' },
    { name: 'deployments/status', singularName: '', kind: 'Deployment' },
    { name: 'children', singularName: 'child', kind: 'Offspring' },
  ];
  const found = ['deployments', 'deployment', 'child', 'offspring', 'deployments/status', 'Deployment'].map((name) =>
    kindsNamed(resources, name),
  );
  assert.deepEqual(found, [['Deployment'], ['Deployment'], ['Offspring'], ['Offspring'], [], []]);
});

test('parameters of a kind that nobody knows may be anything; what has no type is not seen', () => {
  const types = [{ ...node, type }];
  const spec = { validations: [{ expression: 'params.x.y == 1' }] };
  assert.deepEqual(runAtOnce(checkPolicy({ ...spec, paramKind: { apiVersion: 'no/v1', kind: 'Such' } }, types, undefined)), []);
  assert.match(runAtOnce(checkPolicy(spec, types, undefined))[0]!.warning, /undeclared reference to 'params'/);
  for (const field of ['size', 'sizes', 'amounts'])
    assert.match(check(`object.spec.${field} == 1`)[0]!.warning, new RegExp(`undefined field '${field}'`));
});
