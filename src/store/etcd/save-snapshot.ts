import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { createGrpcChannel, type GrpcTls } from '../../std/grpc/grpc-channel.ts';
import { StoreError } from '../store.ts';
import { toStoreError } from './etcd-error.ts';
import { SNAPSHOT_PATH } from './etcd-method.ts';
import { etcdCodec } from './messages.ts';
import type { ServerUrl } from './server-url.ts';

const DIGEST_BYTES = 32;

/**
 * Saves what a member holds to a file, as `etcdctl snapshot save` does: what etcdctl and etcdutl restore. Answers its size in bytes.
 *
 * @throws StoreError `unavailable`, `corrupt` when what came is not whole; nothing is left then
 */
export async function saveEtcdSnapshot(server: ServerUrl, tls: GrpcTls | undefined, target: string): Promise<number> {
  const file = await open(target, 'wx', 0o600);
  const channel = createGrpcChannel({ target: server.target, ...(server.secure && { tls: tls ?? {} }) });
  let size = 0;
  // The last 32 bytes are the digest of all before: they are held back until it is known that they are the last ones.
  let tail: Buffer = Buffer.alloc(0);
  const hash = createHash('sha256');
  try {
    for await (const message of channel.stream(SNAPSHOT_PATH, etcdCodec.encode('SnapshotRequest', {}))) {
      const { blob } = etcdCodec.decode('SnapshotResponse', message);
      await file.writeFile(blob);
      size += blob.length;
      const all = Buffer.concat([tail, blob]);
      const sure = Math.max(0, all.length - DIGEST_BYTES);
      hash.update(all.subarray(0, sure));
      tail = Buffer.from(all.subarray(sure));
    }
    await file.sync();
    if (!hash.digest().equals(tail))
      throw new StoreError('corrupt', `the snapshot that ${server.url} sent is not whole: its digest is another one`);
    return size;
  } catch (error) {
    await rm(target, { force: true });
    throw toStoreError(error, `Snapshot of ${server.url}`);
  } finally {
    await file.close();
    channel.close();
  }
}
