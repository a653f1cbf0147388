import type { Clock } from '../../../../std/clock.ts';
import { createGrpcChannel } from '../../../../std/grpc/grpc-channel.ts';
import { isGrpcStatus } from '../../../../std/grpc/grpc-error.ts';
import { createMessageCodec } from '../../../../std/grpc/message-codec.ts';
import { descriptorOf, type ImageBlob, type OciImage } from './oci-image.ts';

/** The few messages of containerd's own API that are needed here (github.com/containerd/containerd, api/services). */
export const CONTAINERD_MESSAGES = {
  WriteContentRequest: {
    action: '1 enum',
    ref: '2 string',
    total: '3 int64',
    expected: '4 string',
    offset: '5 int64',
    data: '6 bytes',
    labels: '7 map string',
  },
  ListStatusesRequest: { filters: '1 repeated string' },
  Status: { ref: '3 string', offset: '4 int64', total: '5 int64' },
  ListStatusesResponse: { statuses: '1 repeated Status' },
  Descriptor: { media_type: '1 string', digest: '2 string', size: '3 int64' },
  Image: { name: '1 string', labels: '2 map string', target: '3 Descriptor' },
  GetImageRequest: { name: '1 string' },
  CreateImageRequest: { image: '1 Image' },
  CreateLeaseRequest: { id: '1 string', labels: '3 map string' },
  DeleteLeaseRequest: { id: '1 string' },
} as const;

export interface ContainerdClient {
  hasImage(name: string): Promise<boolean>;
  /** Puts an image into the store under a name; one that is there already stays. */
  addImage(name: string, image: OciImage, labels: Readonly<Record<string, string>>): Promise<void>;
  /** How far each download has come, by what containerd calls it. */
  downloads(): Promise<ReadonlyMap<string, number>>;
  close(): void;
}

const NAMESPACE = { 'containerd-namespace': 'k8s.io' };
const COMMIT = 2;
/** Clean-up by containerd itself must not come between; after this it may. */
const LEASE_EXPIRES_MS = 10 * 60_000;
const codec = createMessageCodec(CONTAINERD_MESSAGES);

/** containerd's own API beside CRI, on the same socket; other runtimes answer it with `Unimplemented`. */
export function createContainerdClient(endpoint: string, timeoutMs: number, clock: Clock): ContainerdClient {
  const channel = createGrpcChannel({ target: endpoint });
  const call = (path: string, request: Buffer, metadata: Readonly<Record<string, string>> = NAMESPACE) =>
    channel.unary(`/containerd.services.${path}`, request, { timeoutMs, metadata });

  async function write(blob: ImageBlob, labels: Readonly<Record<string, string>>, metadata: Readonly<Record<string, string>>) {
    const { digest, bytes } = blob;
    const ref = `muster-${digest}`;
    const request = { action: COMMIT, ref, total: bytes.length, expected: digest, offset: 0, data: bytes, labels };
    const messages = [codec.encode('WriteContentRequest', request)];
    await channel
      .exchange('/containerd.services.content.v1.Content/Write', messages, { timeoutMs, metadata })
      .catch(unless('AlreadyExists'));
  }

  return {
    async hasImage(name) {
      const request = codec.encode('GetImageRequest', { name });
      const answer = await call('images.v1.Images/Get', request).catch(unless('NotFound'));
      return answer !== undefined;
    },
    async addImage(name, { manifest, config, layer }, labels) {
      const lease = `muster-${manifest.digest}`;
      const leaseLabels = { 'containerd.io/gc.expire': new Date(clock.now() + LEASE_EXPIRES_MS).toISOString() };
      const leaseRequest = codec.encode('CreateLeaseRequest', { id: lease, labels: leaseLabels });
      await call('leases.v1.Leases/Create', leaseRequest).catch(unless('AlreadyExists'));
      const leased = { ...NAMESPACE, 'containerd-lease': lease };
      await write(layer, {}, leased);
      await write(config, {}, leased);
      // What a manifest refers to stays as long as the manifest does.
      const references = {
        'containerd.io/gc.ref.content.config': config.digest,
        'containerd.io/gc.ref.content.l.0': layer.digest,
      };
      await write(manifest, references, leased);
      const { mediaType, digest, size } = descriptorOf(manifest);
      const image = { name, labels, target: { media_type: mediaType, digest, size } };
      await call('images.v1.Images/Create', codec.encode('CreateImageRequest', { image })).catch(unless('AlreadyExists'));
      await call('leases.v1.Leases/Delete', codec.encode('DeleteLeaseRequest', { id: lease })).catch(unless('NotFound'));
    },
    async downloads() {
      const answer = await call('content.v1.Content/ListStatuses', codec.encode('ListStatusesRequest', {}));
      const { statuses } = codec.decode('ListStatusesResponse', answer);
      return new Map(statuses.map(({ ref, offset }) => [ref, offset]));
    },
    close: () => channel.close(),
  };
}

/** For a call of which one failure means that nothing is to be done. */
function unless(status: 'AlreadyExists' | 'NotFound'): (error: unknown) => undefined {
  return (error) => {
    if (!isGrpcStatus(error, status)) throw error;
    return undefined;
  };
}
