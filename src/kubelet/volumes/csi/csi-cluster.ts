/** What the cluster says of a CSI driver's volumes: the driver's object, attachments, secrets, tokens. */

import { secretKind } from '../../../api/core/v1/secret.ts';
import type { V1CSIDriver, V1Pod, V1Secret, V1SecretReference, V1VolumeAttachment } from '../../../api/gen/types.ts';
import { isStatus } from '../../../api/machinery/status-error.ts';
import { csiDriverKind } from '../../../api/storage/v1/csi-driver.ts';
import { volumeAttachmentKind } from '../../../api/storage/v1/volume-attachment.ts';
import { steadyMs } from '../../../std/clock.ts';
import type { ObjectReader } from '../../pods/object-reader.ts';
import { type PodPartContext, PodPartError } from '../../pods/pod-parts.ts';
import type { ServiceAccountTokens } from '../service-account-tokens.ts';
import type { CsiVolume } from './csi-source.ts';

export interface CsiClusterOptions {
  readonly context: Pick<PodPartContext, 'client' | 'clock' | 'configuration'>;
  readonly objects: ObjectReader;
  readonly tokens: ServiceAccountTokens;
}

export interface CsiCluster {
  /** Undefined for a driver that told nothing of itself. */
  driverObject(name: string): Promise<V1CSIDriver | undefined>;
  /** Waits until the volume is attached to this node; answers what the driver's controller says to its node. */
  attached(volume: CsiVolume, signal: AbortSignal): Promise<Record<string, string>>;
  /** Secrets of persistent volumes are named by whoever provisioned them, in any namespace. */
  secretOf(reference: V1SecretReference | undefined): Promise<Record<string, string>>;
  /** One that the pod itself names. */
  secretOfPod(reference: V1SecretReference | undefined): Promise<Record<string, string>>;
  /** Undefined for a driver that wants none. */
  tokensFor(pod: V1Pod, driver: V1CSIDriver | undefined): Promise<Record<string, string> | undefined>;
}

const ATTACH_TIMEOUT_MS = 120_000;
const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 10_000;

export function createCsiCluster({ context, objects, tokens }: CsiClusterOptions): CsiCluster {
  const { client, clock, configuration } = context;
  return {
    async driverObject(name) {
      try {
        return await client.resource<V1CSIDriver & { metadata: object }>(csiDriverKind).get(name);
      } catch (error) {
        if (isStatus(error, 'NotFound')) return undefined;
        throw error;
      }
    },
    async attached({ attachment, name }, signal) {
      const failed = (why: string) =>
        new PodPartError('FailedAttachVolume', `AttachVolume.Attach failed for volume "${name}" : ${why}`);
      if (configuration['enableControllerAttachDetach'] === false)
        throw failed('enableControllerAttachDetach is false, and this kubelet attaches no volumes itself');
      const attachments = client.resource<V1VolumeAttachment & { metadata: object }>(volumeAttachmentKind);
      const endMs = steadyMs(clock) + ATTACH_TIMEOUT_MS;
      let why = '';
      for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_POLL_MS)) {
        try {
          const { status } = await attachments.get(attachment, { signal });
          if (status?.attached) return status.attachmentMetadata ?? {};
          why = status?.attachError?.message ?? `volume attachment ${attachment} is not attached yet`;
        } catch (error) {
          if (!isStatus(error, 'NotFound')) throw error;
          why = `volume attachment ${attachment} does not exist yet`;
        }
        if (steadyMs(clock) >= endMs) throw failed(why);
        await clock.sleep(pauseMs, signal);
      }
    },
    async secretOf(reference) {
      if (!reference?.name) return {};
      return textsOf(await client.resource<V1Secret>(secretKind, reference.namespace).get(reference.name));
    },
    async secretOfPod(reference) {
      return reference?.name ? textsOf(await objects.secret(reference.namespace ?? '', reference.name)) : {};
    },
    async tokensFor(pod, driver) {
      const wishes = driver?.spec.tokenRequests;
      if (!wishes?.length) return undefined;
      const issue = async ({ audience, expirationSeconds }: (typeof wishes)[number]) => {
        const { token, expirationTimestamp } = await tokens.token(pod, { audience, expirationSeconds });
        return [audience, { token, expirationTimestamp }] as const;
      };
      const byAudience = Object.fromEntries(await Promise.all(wishes.map(issue)));
      return { 'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify(byAudience) };
    },
  };
}

const textsOf = ({ data = {} }: V1Secret): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
