import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFound } from '../api/machinery/status-error.ts';
import { silentLogger } from '../std/logger.ts';
import { CONTROLLER_FACTORIES } from './controller-factories.ts';
import type { ControllerManagerOptions } from './controller-manager-options.ts';
import type { ControllerContext } from './framework/controller.ts';

const made = (raw: () => Promise<object>) =>
  CONTROLLER_FACTORIES['resourceclaim-controller']!(
    { client: { raw }, logger: silentLogger } as unknown as ControllerContext,
    {} as ControllerManagerOptions,
  );

test('the controller of a kind that an older server has not is left out, and said', async () => {
  const without = { why: 'there are no ResourceClaims' };
  const group = () => Promise.reject(notFound({ group: '', resource: '/apis/resource.k8s.io/v1' }, ''));
  assert.deepEqual(await made(group), without);
  const kinds = { resources: [{ name: 'deviceclasses' }] };
  assert.deepEqual(await made(() => Promise.resolve({ status: 200, text: JSON.stringify(kinds) })), without);
});
