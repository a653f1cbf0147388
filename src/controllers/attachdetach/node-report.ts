import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node, V1VolumeAttachment } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { Turns } from '../../std/turns.ts';

export interface NodeReportOptions {
  readonly client: Client;
  readonly nodes: Informer<V1Node>;
  attachmentsOn(node: string): readonly V1VolumeAttachment[];
  /** What `volumesAttached` calls the volume of an attachment; undefined when nobody knows any more. */
  nameOf(attachment: V1VolumeAttachment): string | undefined;
}

/** Keeps `Node.status.volumesAttached`: what kubelets may mount. What is about to be detached leaves the list first. */
export class NodeReport {
  readonly #options: NodeReportOptions;
  /** Attachments that go, by name. */
  readonly #leaving = new Set<string>();
  readonly #turns = new Turns<string>();

  constructor(options: NodeReportOptions) {
    this.#options = options;
  }

  /** From now on the attachment is not reported. */
  leave(attachment: V1VolumeAttachment): void {
    this.#leaving.add(attachment.metadata?.name ?? '');
  }

  /** The attachment is gone, or stays after all. */
  forget(attachment: V1VolumeAttachment): void {
    this.#leaving.delete(attachment.metadata?.name ?? '');
  }

  /** Writes a node's list if it says something else. A node that is gone has none. */
  write(name: string, signal: AbortSignal): Promise<void> {
    const { client, nodes, attachmentsOn, nameOf } = this.#options;
    return this.#turns.take(name, async () => {
      const node = nodes.get(name);
      if (!node) return;
      const reported = attachmentsOn(name).filter(
        ({ metadata, status }) => status?.attached && !metadata?.deletionTimestamp && !this.#leaving.has(metadata?.name ?? ''),
      );
      const names = [...new Set(reported.map(nameOf).filter((one) => one !== undefined))].sort();
      const volumesAttached = names.map((one) => ({ name: one, devicePath: '' }));
      if (equalJson(volumesAttached, node.status?.volumesAttached ?? [])) return;
      const patch = { status: { volumesAttached: volumesAttached.length > 0 ? volumesAttached : null } };
      const patching = client.resource<V1Node>(nodeKind).patch(name, patch, { type: 'merge', subresource: 'status', signal });
      await unlessReason(patching, 'NotFound');
    });
  }
}
