/** What external-attacher does beside a CSI driver, without a driver's controller to ask: what is to be attached is. */
import type { V1VolumeAttachment } from '../../src/api/gen/types.ts';
import { isStatus } from '../../src/api/machinery/status-error.ts';
import { volumeAttachmentKind } from '../../src/api/storage/v1/volume-attachment.ts';
import type { Client } from '../../src/client/client.ts';
import { createInformer } from '../../src/client/informer.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';

export interface CsiAttacher extends AsyncDisposable {
  /** In order: `attached <volume> to <node>`, `detached <volume> from <node>`. */
  readonly done: readonly string[];
}

export async function startCsiAttacher(client: Client, driver: string): Promise<CsiAttacher> {
  const finalizer = `external-attacher/${driver}`;
  const done: string[] = [];
  const attachments = client.resource<V1VolumeAttachment>(volumeAttachmentKind);
  const end = new AbortController();
  const informer = createInformer<V1VolumeAttachment>({
    client,
    kind: volumeAttachmentKind,
    clock: systemClock,
    logger: silentLogger,
  });
  const work = async ({ metadata, spec, status }: V1VolumeAttachment): Promise<void> => {
    const { name = '', finalizers = [], deletionTimestamp } = metadata ?? {};
    const volume = spec.source.persistentVolumeName;
    if (spec.attacher !== driver) return;
    if (deletionTimestamp) {
      if (!finalizers.includes(finalizer)) return;
      done.push(`detached ${volume} from ${spec.nodeName}`);
      await attachments.patch(name, { metadata: { finalizers: null } }, { type: 'merge' });
    } else if (!finalizers.includes(finalizer)) {
      await attachments.patch(name, { metadata: { finalizers: [finalizer] } }, { type: 'merge' });
    } else if (!status?.attached) {
      done.push(`attached ${volume} to ${spec.nodeName}`);
      await attachments.patch(name, { status: { attached: true } }, { type: 'merge', subresource: 'status' });
    }
  };
  const running = new Set<Promise<void>>();
  informer.onChange(({ type, object }) => {
    if (type === 'deleted') return;
    const piece = work(object).catch((error: unknown) => {
      // Gone in the meantime.
      if (!isStatus(error, 'NotFound')) throw error;
    });
    running.add(piece);
    void piece.finally(() => running.delete(piece));
  });
  await informer.start(end.signal);
  return {
    done,
    async [Symbol.asyncDispose]() {
      end.abort(new DOMException('test ended', 'AbortError'));
      await informer.done;
      await Promise.all(running);
    },
  };
}
