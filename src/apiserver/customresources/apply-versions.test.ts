import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { startTestApi, type TestApi } from '../test-api.ts';
import { DEFINITIONS, define, placeOf, widget, widgets } from './definition-fixture.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

type Shown = DynamicObject & { spec: Record<string, unknown>; message?: string };
const apply = (version: string, manager: string, spec: object) =>
  api.call<Shown>('PATCH', `${placeOf(version)}/a?fieldManager=${manager}`, widget('a', { spec }, version), {
    'content-type': 'application/apply-patch+yaml',
  });
const owners = ({ metadata }: DynamicObject) =>
  metadata.managedFields!.map(({ manager, apiVersion }) => `${manager} ${apiVersion}`);

test('managed fields are asked in their own version, and those of a version that is no more own nothing', async () => {
  const v1 = { name: 'v1', storage: true };
  await define(
    api,
    widgets({
      versions: [
        { ...v1, storage: true },
        { name: 'v2', storage: false },
      ],
    }),
  );
  assert.equal((await apply('v1', 'one', { a: '1', b: '1' })).status, 201);
  const refused = await apply('v2', 'two', { a: '2' });
  assert.equal(refused.body.message, 'Apply failed with 1 conflict: conflict with "one": .spec.a');
  const moved = await apply('v2', 'one', { b: '1' });
  assert.deepEqual(moved.body.spec, { b: '1' });
  assert.deepEqual(owners(moved.body), ['one example.com/v2']);

  const versions = widgets({ versions: [v1] }).spec;
  const { status } = await api.call(
    'PATCH',
    `${DEFINITIONS}/widgets.example.com`,
    { spec: versions },
    {
      'content-type': 'application/merge-patch+json',
    },
  );
  assert.equal(status, 200);
  await until('v2 is served no more', async () => (await api.call('GET', placeOf('v2'))).status === 404);
  const later = await apply('v1', 'two', { b: '2' });
  assert.equal(later.status, 200, later.text);
  assert.deepEqual(owners(later.body), ['two example.com/v1']);
});
