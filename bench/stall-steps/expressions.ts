/** Expressions and patterns made to be slow. */
import { type Send, type StallStep, type } from './step.ts';

const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
const BINDINGS = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings';
const MAPS = '/api/v1/namespaces/default/configmaps';
const text = 'ab'.repeat(16_500);
const data = { text, ...Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`key-${i}`, `value-${i}`])) };
const PATTERN = '^(a|b)*a(a|b){500}$';

const EXPRESSIONS: Record<string, string> = {
  loops: 'object.data.all(k, object.data.all(l, k != "x" && l != "y"))',
  pattern: `!object.data.text.matches('${PATTERN}')`,
  patterns: `object.data.all(k, !object.data.text.matches('${PATTERN}'))`,
  findAll: "object.data.text.findAll('a(.*c)?').size() > 0",
  equal: 'object.data.all(k, object.data == object.data)',
  format: 'object.data.all(k, "%s".format([object.data]).size() > 0)',
};

/** Two megabytes of them. */
const longExpressions = () =>
  Array.from({ length: 25 }, (_, n) => ({
    name: `v${n}`,
    expression: Array.from({ length: 3_000 }, (_, i) => `object.data.k${i} != "${n}-${i}"`).join(' || '),
  }));

async function policy(send: Send, name: string, validations: readonly string[], more: object = {}): Promise<void> {
  const spec = {
    failurePolicy: 'Ignore',
    matchConstraints: {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    },
    matchConditions: [{ name: 'named', expression: `object.metadata.name == '${name.toLowerCase()}'` }],
    validations: validations.map((expression) => ({ expression })),
    ...more,
  };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const metadata = { name: name.toLowerCase() };
  const made = await send('POST', POLICIES, JSON.stringify({ apiVersion, kind: 'ValidatingAdmissionPolicy', metadata, spec }));
  if (made.status >= 300) throw new Error(made.body.toString());
  const bound = { policyName: metadata.name, validationActions: ['Audit'] };
  await send('POST', BINDINGS, JSON.stringify({ apiVersion, kind: 'ValidatingAdmissionPolicyBinding', metadata, spec: bound }));
}

export function expressionSteps(): StallStep[] {
  const create = (name: string) => (send: Send) =>
    send('POST', MAPS, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name.toLowerCase() }, data }));
  return [
    ...Object.entries(EXPRESSIONS).map(
      ([name, expression]): StallStep => ({
        name: `policy ${name}`,
        prepare: (send) => policy(send, name, [expression]),
        run: create(name),
      }),
    ),
    {
      name: 'policy all at once',
      prepare: (send) =>
        policy(
          send,
          'all',
          Array.from({ length: 10 }, (_, i) => `${EXPRESSIONS['loops']} || ${i} > 100`),
        ),
      run: create('all'),
    },
    {
      name: 'policy compiling',
      run: (send) =>
        policy(
          send,
          'long',
          Array.from({ length: 50 }, () => Array.from({ length: 300 }, (_, i) => `object.data.all(k, k != "${i}")`).join(' && ')),
        ),
    },
    {
      name: 'policy of long variables',
      run: (send) => policy(send, 'variables', ['variables.v0 || true'], { variables: longExpressions() }),
    },
    { name: 'policy of long variables first met', run: create('variables') },
    {
      name: 'policy of long conditions',
      run: (send) => policy(send, 'conditions', ['true'], { matchConditions: longExpressions() }),
    },
    { name: 'policy of long conditions first met', run: create('conditions') },
    { name: 'policy removed', run: (send) => send('DELETE', POLICIES, undefined, type('json')) },
  ];
}
