import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../std/clock.ts';
import { GrpcError } from '../../../std/grpc/grpc-error.ts';
import { startGrpcService } from '../../../std/grpc/grpc-service.ts';
import { silentLogger } from '../../../std/logger.ts';
import { CRI_MESSAGES, createCriClient } from './api/cri-client.ts';
import { CONTAINERD_MESSAGES } from './images/containerd-client.ts';
import { SandboxImages } from './sandbox-images.ts';

test('pods that start at once where the sandbox image is missing wait for one import of it', async () => {
  let looked = 0;
  const image = 'registry.test/pause:1';
  await using service = await startGrpcService({
    messages: { ...CRI_MESSAGES, ...CONTAINERD_MESSAGES },
    methods: {
      'runtime.v1.RuntimeService/Status': { request: 'StatusRequest', response: 'StatusResponse', answer: () => ({}) },
      'containerd.services.images.v1.Images/Get': {
        request: 'GetImageRequest',
        response: 'GetImageRequest',
        answer: () => {
          looked++;
          return { name: image };
        },
      },
    },
  });
  const cri = createCriClient({ endpoint: service.endpoint, requestTimeoutMs: 5000 });
  const images = new SandboxImages({
    cri,
    endpoint: service.endpoint,
    requestTimeoutMs: 5000,
    pullProgressTimeoutMs: 60_000,
    clock: systemClock,
    logger: silentLogger,
  });
  try {
    const start = () => {
      let tries = 0;
      return images.provideFor(async () => {
        tries++;
        if (tries === 1) throw new GrpcError('Unknown', `failed to get sandbox image "${image}": no network`);
        return tries;
      });
    };
    assert.deepEqual(await Promise.all([start(), start(), start()]), [2, 2, 2]);
    assert.equal(looked, 1);
    // Somebody may have removed it in the meantime.
    assert.equal(await start(), 2);
    assert.equal(looked, 2);
  } finally {
    images.close();
    cri.close();
  }
});
