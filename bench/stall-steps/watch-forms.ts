/** One large object under many watches, and many objects at the beginning of one, in each form that a watch has. */
import { forMany } from '../for-many.ts';
import { object, ok, type Send, type StallStep, type } from './step.ts';

const WATCHES = 100;
const COUNT = 20_000;
const NAMESPACE = '/api/v1/namespaces/watched';
const MAPS = `${NAMESPACE}/configmaps`;
const PODS = `${NAMESPACE}/pods`;

const FORMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  JSON: {},
  protobuf: { accept: 'application/vnd.kubernetes.protobuf;stream=watch' },
  tables: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
  metadata: { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' },
  'metadata in protobuf': { accept: 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' },
};
const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 'v']));
const pod = (i: number) =>
  object(
    'Pod',
    `p${i}`,
    { spec: { schedulerName: 'none', containers: [{ name: 'c', image: 'a' }] } },
    { labels: { app: `a${i % 10}`, n: `${i}` } },
  );

/** Changes an object that many watch. */
async function changeWatched(send: Send, name: string, headers: Readonly<Record<string, string>>, query = ''): Promise<void> {
  const path = `${MAPS}?watch=true&timeoutSeconds=12&fieldSelector=metadata.name%3D${name}${query}`;
  const watches = Promise.allSettled(Array.from({ length: WATCHES }, () => send('GET', path, undefined, headers, 'dropped')));
  await new Promise((resolve) => setTimeout(resolve, 6000));
  await ok(send, 'PATCH', `${MAPS}/${name}`, `{"data":{"changed":"${Date.now()}"}}`, type('merge-patch+json'));
  await watches;
}

export function watchFormSteps(): StallStep[] {
  const large = [
    { name: 'one-text', what: 'of one text', fields: { data: { a: 'b'.repeat(1_000_000) } }, metadata: {} },
    { name: 'wide', what: 'of 100,000 keys', fields: { data: wide }, metadata: {} },
    { name: 'labels', what: 'of 100,000 labels', fields: {}, metadata: { labels: wide } },
  ];
  return [
    {
      name: 'watched prepare',
      prepare: (send) => send('POST', '/api/v1/namespaces', object('Namespace', 'watched', {})),
      run: (send) =>
        forMany(large.length, async (i) => {
          const { name, fields, metadata } = large[i]!;
          await ok(send, 'POST', MAPS, object('ConfigMap', name, fields, metadata));
        }),
    },
    ...large.flatMap(({ name, what }) => [
      ...Object.entries(FORMS).map(([form, headers]) => ({
        name: `watched object ${what} as ${form}`,
        run: (send: Send) => changeWatched(send, name, headers),
      })),
      {
        name: `watched object ${what} as tables of objects`,
        run: (send: Send) => changeWatched(send, name, FORMS['tables']!, '&includeObject=Object'),
      },
    ]),
    { name: 'watched prepare pods', run: (send) => forMany(COUNT, (i) => ok(send, 'POST', PODS, pod(i))) },
    ...Object.entries(FORMS).map(([form, headers]) => ({
      name: `watched list of 20,000 as ${form}`,
      run: (send: Send) =>
        send(
          'GET',
          `${PODS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=5`,
          undefined,
          headers,
        ),
    })),
    ...Object.entries({ JSON: FORMS['JSON'], tables: FORMS['tables'] }).map(([form, headers]) => ({
      name: `watched by a long selector as ${form}`,
      run: (send: Send) =>
        send(
          'GET',
          `${PODS}?watch=true&timeoutSeconds=5&labelSelector=n+in+(${Array.from({ length: 140_000 }, (_, i) => i).join()})`,
          undefined,
          headers,
        ),
    })),
    {
      name: 'watched by many requirements',
      run: (send) =>
        send(
          'GET',
          `${PODS}?watch=true&timeoutSeconds=15&labelSelector=${Array.from({ length: 90_000 }, (_, i) => `!x${i}`).join()}`,
        ),
    },
    {
      name: 'watched since a revision by many requirements',
      run: async (send) => {
        const list = JSON.parse((await send('GET', `${PODS}?limit=1`)).body.toString()) as {
          metadata: { resourceVersion: string };
        };
        await forMany(5_000, (i) =>
          ok(send, 'PATCH', `${PODS}/p${i}`, '{"metadata":{"labels":{"b":"c"}}}', type('merge-patch+json')),
        );
        return send(
          'GET',
          `${PODS}?watch=true&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=15&labelSelector=${Array.from({ length: 90_000 }, (_, i) => `!x${i}`).join()}`,
        );
      },
    },
    { name: 'watched pods deleted', run: (send) => ok(send, 'DELETE', `${PODS}?gracePeriodSeconds=0`) },
  ];
}
