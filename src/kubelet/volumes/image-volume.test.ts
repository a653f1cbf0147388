import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Container } from '../../api/gen/types.ts';
import { podWith } from '../testing/volumes-bench.ts';
import { createImageVolume, mountsImages } from './image-volume.ts';

test('an image is pulled like that of a container, and left to the runtime to mount', async () => {
  const pulled: V1Container[] = [];
  const images = {
    async ensure(_pod: unknown, container: V1Container) {
      pulled.push(container);
      return { imageRef: 'sha256:abc' };
    },
  };
  const volume = { name: 'files', image: { reference: 'registry.test/x:1', pullPolicy: 'Always' } };
  const task = {
    pod: podWith({ volumes: [volume] }),
    podUid: 'u',
    volume,
    directory: '/x',
    signal: new AbortController().signal,
  };
  const ready = await createImageVolume(images, () => true).setUp(task);
  assert.deepEqual(ready, { image: { reference: 'sha256:abc' }, readOnly: true });
  assert.deepEqual(pulled, [{ name: 'files', image: 'registry.test/x:1', imagePullPolicy: 'Always' }]);
});

test('runtimes that mount images are known by their version', () => {
  const can = (name: string, version: string) => mountsImages({ name, version });
  assert.deepEqual(
    [
      can('containerd', 'v2.1.0'),
      can('containerd', '1.6.20~ds1'),
      can('containerd', '2.0.5'),
      can('cri-o', '1.31.0'),
      can('hollow', '9.9'),
    ],
    [true, false, false, true, false],
  );
});
