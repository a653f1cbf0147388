/** Objects of many keys and of many bytes, by each verb. */
import { encodeProtobuf } from '../../src/api/protobuf/encode.ts';
import { type Answer, type Send, type StallStep, type } from './step.ts';

const KEYS = 100_000;
const MAPS = '/api/v1/namespaces/default/configmaps';
const MEGABYTE = 2 ** 20;

const many = Object.fromEntries(Array.from({ length: KEYS }, (_, i) => [`k${i}`, 'v']));
const configMap = (name: string, fields: object, metadata: object = {}) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, ...fields });
const inProtobuf = (json: string) => encodeProtobuf(JSON.parse(json), 'V1ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap' });
const post =
  (name: string, fields: object, metadata: object = {}) =>
  (send: Send) =>
    send('POST', MAPS, configMap(name, fields, metadata));

/** Many requests of one kind at once; the first answer that is not a good one, or the last. */
async function atOnce(count: number, ask: (i: number) => Promise<Answer>): Promise<Answer> {
  const answers = await Promise.all(Array.from({ length: count }, (_, i) => ask(i)));
  return answers.find(({ status }) => status >= 300) ?? answers.at(-1)!;
}

export function largeObjectSteps(): StallStep[] {
  const applied = configMap('applied', { data: many });
  const parts = { data: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, 'x'.repeat(900)])) };
  const one = { data: { a: 'é'.repeat(MEGABYTE / 2 - 200) } };
  const finalizers = Array.from({ length: 50_000 }, (_, i) => `example.com/f${i}`);
  const owners = Array.from({ length: 20_000 }, (_, i) => ({ apiVersion: 'v1', kind: 'Node', name: `n${i}`, uid: `u${i}` }));
  const steps: StallStep[] = [
    { name: 'large create labels', run: post('labels', {}, { labels: many }) },
    { name: 'large create data', run: post('data', { data: many }) },
    {
      name: 'large create data in protobuf',
      run: (send) => send('POST', MAPS, inProtobuf(configMap('protobuf', { data: many })), type('vnd.kubernetes.protobuf')),
    },
    { name: 'large get', run: (send) => send('GET', `${MAPS}/data`) },
    { name: 'large get yaml', run: (send) => send('GET', `${MAPS}/data`, undefined, { accept: 'application/yaml' }) },
    {
      name: 'large get protobuf',
      run: (send) => send('GET', `${MAPS}/data`, undefined, { accept: 'application/vnd.kubernetes.protobuf' }),
    },
    {
      name: 'large list table',
      run: (send) => send('GET', MAPS, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
    },
    { name: 'large list gzip', run: (send) => send('GET', MAPS, undefined, { 'accept-encoding': 'gzip' }) },
    { name: 'large list yaml', run: (send) => send('GET', MAPS, undefined, { accept: 'application/yaml' }) },
    {
      name: 'large list protobuf',
      run: (send) => send('GET', MAPS, undefined, { accept: 'application/vnd.kubernetes.protobuf' }),
    },
    { name: 'large get pretty', run: (send) => send('GET', `${MAPS}/data?pretty=true`) },
    { name: 'large update', run: (send) => send('PUT', `${MAPS}/data`, configMap('data', { data: { ...many, k1: 'w' } })) },
    {
      name: 'large update of labels',
      run: (send) => send('PUT', `${MAPS}/labels`, configMap('labels', {}, { labels: { ...many, k1: 'w' } })),
    },
    { name: 'large merge patch', run: (send) => send('PATCH', `${MAPS}/data`, '{"data":{"k2":"x"}}', type('merge-patch+json')) },
    {
      name: 'large strategic patch',
      run: (send) => send('PATCH', `${MAPS}/data`, '{"data":{"k3":"x"}}', type('strategic-merge-patch+json')),
    },
    {
      name: 'large strategic patch of all',
      run: (send) => send('PATCH', `${MAPS}/data`, JSON.stringify({ data: many }), type('strategic-merge-patch+json')),
    },
    {
      name: 'large JSON patch',
      run: (send) => send('PATCH', `${MAPS}/data`, '[{"op":"replace","path":"/data/k4","value":"x"}]', type('json-patch+json')),
    },
    { name: 'large apply', run: (send) => send('PATCH', `${MAPS}/applied?fieldManager=a`, applied, type('apply-patch+yaml')) },
    {
      name: 'large apply by another',
      run: (send) => send('PATCH', `${MAPS}/applied?fieldManager=b`, applied, type('apply-patch+yaml')),
    },
    {
      name: 'large apply of conflicts',
      expected: 500,
      run: (send) => send('PATCH', `${MAPS}/applied?fieldManager=c`, applied.replaceAll('"v"', '"w"'), type('apply-patch+yaml')),
    },
    {
      name: 'large apply over apply',
      run: (send) =>
        send('PATCH', `${MAPS}/applied?fieldManager=a`, configMap('applied', { data: { k1: 'v' } }), type('apply-patch+yaml')),
    },
    {
      name: 'large apply of labels',
      run: (send) =>
        send(
          'PATCH',
          `${MAPS}/applied-labels?fieldManager=a`,
          configMap('applied-labels', {}, { labels: many }),
          type('apply-patch+yaml'),
        ),
    },
    ...Object.entries<Record<string, string>>({
      JSON: {},
      protobuf: { accept: 'application/vnd.kubernetes.protobuf' },
      YAML: { accept: 'application/yaml' },
    }).map(([form, headers]) => ({
      name: `large 20 at once as ${form}`,
      run: (send: Send) => atOnce(20, () => send('GET', `${MAPS}/data`, undefined, headers, 'dropped')),
    })),
    {
      name: 'large 10 created at once',
      run: (send) => atOnce(10, (i) => send('POST', `${MAPS}?dryRun=All`, configMap(`at-once-${i}`, { data: many }))),
    },
    {
      name: 'large 10 applied at once',
      run: (send) =>
        atOnce(10, (i) =>
          send(
            'PATCH',
            `${MAPS}/at-once-${i}?dryRun=All&fieldManager=a`,
            configMap(`at-once-${i}`, { data: many }),
            type('apply-patch+yaml'),
          ),
        ),
    },
    { name: 'large delete', run: (send) => send('DELETE', `${MAPS}/data`) },
    { name: 'large create parts', run: post('parts', parts) },
    { name: 'large create one text', run: post('one-text', one) },
    {
      name: 'large create unicode list',
      expected: 500,
      run: post('deep', { data: { a: '[' } }, { annotations: { a: '\\'.repeat(100_000) } }),
    },
    { name: 'large create finalizers', run: post('finalizers', {}, { finalizers }) },
    {
      name: 'large patch finalizers',
      run: (send) =>
        send(
          'PATCH',
          `${MAPS}/finalizers`,
          '{"metadata":{"finalizers":["example.com/new"]}}',
          type('strategic-merge-patch+json'),
        ),
    },
    {
      name: 'large remove finalizers',
      run: (send) => send('PATCH', `${MAPS}/finalizers`, '{"metadata":{"finalizers":null}}', type('merge-patch+json')),
    },
    { name: 'large create owners', run: post('owners', {}, { ownerReferences: owners }) },
    {
      name: 'large patch owners',
      run: (send) =>
        send(
          'PATCH',
          `${MAPS}/owners`,
          JSON.stringify({ metadata: { ownerReferences: owners } }),
          type('strategic-merge-patch+json'),
        ),
    },
    {
      name: 'large apply owners',
      run: (send) =>
        send(
          'PATCH',
          `${MAPS}/owners?fieldManager=o`,
          configMap('owners', {}, { ownerReferences: owners }),
          type('apply-patch+yaml'),
        ),
    },
    {
      name: 'large unknown fields',
      run: post('unknown', Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`f${i}`, i]))),
    },
    {
      name: 'large keys 9,000 objects deep that are called as an unknown field',
      expected: 500,
      run: (send) =>
        send(
          'POST',
          `${MAPS}?fieldValidation=Strict`,
          `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"deep"},"a":${'{"y":'.repeat(9_000)}{${'"x":1,'.repeat(300_000)}"z":1}${'}'.repeat(9_000)},"x":1,"kind":"ConfigMap"}`,
        ),
    },
    {
      name: 'large wrong labels',
      expected: 500,
      run: post('wrong', {}, { labels: Object.fromEntries(Array.from({ length: KEYS }, (_, i) => [`!${i}`, '!'])) }),
    },
  ];
  return steps;
}
