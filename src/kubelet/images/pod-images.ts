import { join } from 'node:path';
import type { V1Container, V1Pod, V1Secret } from '../../api/gen/types.ts';
import { formatDuration } from '../../api/machinery/duration.ts';
import type { EventSubject } from '../../client/events.ts';
import { steadyMs } from '../../std/clock.ts';
import { containerSubject } from '../pods/container-subject.ts';
import type { ObjectReader } from '../pods/object-reader.ts';
import { type PodImages, type PodPartContext, PodPartError } from '../pods/pod-parts.ts';
import type { ImageService } from '../runtime/runtime-abilities.ts';
import type { CredentialProviders } from './credential-providers.ts';
import { defaultPullPolicy, parseImageName, withDefaultTag } from './image-name.ts';
import { imageSizeBucket } from './image-size-bucket.ts';
import { nodeCredentials } from './node-credentials.ts';
import { accessTo, needsVerification } from './pull-access.ts';
import { PullBackoff } from './pull-backoff.ts';
import { secretCredentials, type TrackedCredentials } from './pull-credentials.ts';
import { PullQueue } from './pull-queue.ts';
import { PullRecords } from './pull-records.ts';

export interface PodImagesOptions {
  readonly context: Pick<PodPartContext, 'configuration' | 'paths' | 'events' | 'metrics' | 'clock' | 'logger'>;
  readonly images: ImageService;
  readonly objects: Pick<ObjectReader, 'secret'>;
  /** Programs that know credentials (`--image-credential-provider-config`). */
  readonly providers?: CredentialProviders;
  /** Of the user that the kubelet runs as, where Docker's file of credentials may lie. */
  readonly home?: string | undefined;
}

export interface NodeImages extends PodImages {
  /** Turns what an earlier kubelet was pulling when it ended into records. Before any pod is worked on. */
  recover(): Promise<void>;
  readonly records: PullRecords;
}

/** Images for the containers of a node's pods, as their policies and secrets allow (pkg/kubelet/images/image_manager.go). */
export function createPodImages(options: PodImagesOptions): NodeImages {
  return new PullingImages(options);
}

/** One container's wish, on its way. */
interface Wish {
  readonly pod: V1Pod;
  readonly subject: EventSubject;
  /** As the pod names it. */
  readonly image: string;
  /** With its tag, as the runtime is asked. */
  readonly reference: string;
  /** In full, without tag. */
  readonly repository: string;
  readonly signal: AbortSignal;
}

class PullingImages implements NodeImages {
  readonly records: PullRecords;
  readonly #options: PodImagesOptions;
  readonly #queue: PullQueue;
  readonly #backoff = new PullBackoff();

  constructor(options: PodImagesOptions) {
    const { configuration, paths, clock, logger } = options.context;
    this.#options = options;
    this.records = new PullRecords({ directory: join(paths.root, 'image_manager'), clock, logger });
    this.#queue = new PullQueue({
      images: options.images,
      serial: configuration.serializeImagePulls,
      mostAtOnce: configuration.maxParallelImagePulls,
      qps: Number(configuration['registryPullQPS']),
      burst: Number(configuration['registryBurst']),
      clock,
    });
  }

  async ensure(pod: V1Pod, container: V1Container, signal: AbortSignal): Promise<{ readonly imageRef: string }> {
    const image = container.image ?? '';
    const subject = containerSubject(pod, container.name);
    const policy = container.imagePullPolicy || defaultPullPolicy(image);
    const wish = this.#wishOf(pod, subject, image, signal);
    const present = policy === 'Always' ? undefined : await this.#inspect(wish);
    const credentials = once(() => this.#credentialsOf(wish));
    if (present !== undefined && !(await this.#mustPull(wish, present, credentials))) {
      const message = `Container image "${image}" already present on machine and can be accessed by the pod`;
      this.#tell(subject, 'Normal', 'Pulled', message);
      return { imageRef: present };
    }
    if (policy === 'Never') {
      // Whether it is there is nothing for who may not use it.
      const message = `Container image "${image}" is not present with pull policy of Never`;
      this.#tell(subject, 'Warning', 'ErrImageNeverPull', message);
      throw this.#failure(subject, 'ErrImageNeverPull', message);
    }
    return { imageRef: await this.#pull(wish, await credentials()) };
  }

  async recover(): Promise<void> {
    for (const image of await this.records.intended()) {
      const found = await this.#options.images.find(image);
      // Pulled, but nobody knows with whose credentials: everybody has to show theirs.
      if (found) await this.records.pulled(image, parseImageName(image).repository, found.id, {});
    }
  }

  #wishOf(pod: V1Pod, subject: EventSubject, image: string, signal: AbortSignal): Wish {
    try {
      return { pod, subject, image, reference: withDefaultTag(image), repository: parseImageName(image).repository, signal };
    } catch (error) {
      const why = `couldn't parse image name "${image}": ${(error as Error).message}`;
      const message = `Failed to apply default image tag "${image}": ${why}`;
      this.#tell(subject, 'Warning', 'InspectFailed', message);
      throw this.#failure(subject, 'InvalidImageName', message);
    }
  }

  async #inspect({ subject, image, reference }: Wish): Promise<string | undefined> {
    try {
      return (await this.#options.images.find(reference))?.id;
    } catch (error) {
      const message = `Failed to inspect image "${image}": ${(error as Error).message}`;
      this.#tell(subject, 'Warning', 'InspectFailed', message);
      throw this.#failure(subject, 'ImageInspectError', message, error);
    }
  }

  /** An image that was pulled with somebody's credentials is for those who have them too: others ask the registry themselves. */
  async #mustPull(wish: Wish, imageRef: string, credentials: () => Promise<readonly TrackedCredentials[]>): Promise<boolean> {
    const { configuration, logger } = this.#options.context;
    const { repository, reference } = wish;
    const verification = {
      policy: configuration.imagePullCredentialsVerificationPolicy,
      allowlist: configuration.preloadedImagesVerificationAllowlist ?? [],
    };
    try {
      const record = await this.records.find(imageRef);
      const isPulledByKubelet = record !== undefined || (await this.records.isIntended(reference));
      if (!needsVerification(verification, repository, isPulledByKubelet)) return false;
      const mapping = record?.credentialMapping ?? {};
      const pulledWith = Object.hasOwn(mapping, repository) ? mapping[repository] : undefined;
      if (!pulledWith) return true;
      const access = accessTo(pulledWith, pulledWith.nodePodsAccessible ? [] : await credentials());
      if (typeof access === 'object') await this.records.remember(repository, imageRef, access.remember);
      return access === 'denied';
    } catch (error) {
      if (error instanceof PodPartError) throw error;
      logger.error('Unable to access cache records about image pulls', { image: wish.image, err: error });
      return true;
    }
  }

  async #credentialsOf(wish: Wish): Promise<readonly TrackedCredentials[]> {
    const { providers, context } = this.#options;
    const secrets = await this.#secretsOf(wish);
    try {
      const own = await secretCredentials(secrets, wish.repository);
      const places = { root: context.paths.root, home: this.#options.home };
      const nodes = await nodeCredentials(wish.repository, places, context.logger);
      const provided = (await providers?.credentialsFor(wish.reference, wish.repository, wish.signal)) ?? [];
      return [...own, ...nodes, ...provided];
    } catch (error) {
      if (wish.signal.aborted) throw wish.signal.reason;
      context.logger.warn('Credentials for an image cannot be read', { image: wish.image, err: error });
      throw this.#failure(wish.subject, 'ErrImagePull', (error as Error).message, error);
    }
  }

  async #secretsOf({ pod }: Wish): Promise<V1Secret[]> {
    const { context, objects } = this.#options;
    const { namespace = '' } = pod.metadata ?? {};
    const names = (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) => name || []);
    const missing: string[] = [];
    const read = async (name: string) => {
      try {
        return [await objects.secret(namespace, name)];
      } catch (error) {
        const message = 'Unable to retrieve pull secret, the image pull may not succeed.';
        context.logger.info(message, { pod: `${namespace}/${pod.metadata?.name}`, name, err: error });
        missing.push(name);
        return [];
      }
    };
    const secrets = (await Promise.all(names.map(read))).flat();
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
      this.#tell(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
    }
    return secrets;
  }

  async #pull(wish: Wish, credentials: readonly TrackedCredentials[]): Promise<string> {
    const { pod, subject, image, reference, repository, signal } = wish;
    const { clock, metrics } = this.#options.context;
    const key = `${pod.metadata?.uid}_${image}`;
    const waiting = this.#backoff.waiting(key, steadyMs(clock));
    if (waiting) {
      const message = `Back-off pulling image "${image}"`;
      this.#tell(subject, 'Normal', 'BackOff', message);
      throw this.#failure(subject, 'ImagePullBackOff', `${message}: ${waiting.message}`);
    }
    this.#tell(subject, 'Normal', 'Pulling', `Pulling image "${image}"`);
    const startMs = clock.now();
    await this.#intend(wish);
    try {
      const identity = credentials.map(({ hash }) => hash).join();
      const pulled = await this.#queue.pull(
        reference,
        credentials.map((one) => one.credentials),
        identity,
        signal,
      );
      const used = credentials[pulled.used];
      const imageRef = await this.#idOf(pulled.imageRef, reference);
      const by = used?.secret
        ? { kubernetesSecrets: [{ ...used.secret, credentialHash: used.hash }] }
        : { nodePodsAccessible: true };
      await this.records.pulled(reference, repository, imageRef.id, by);
      const wholeMs = clock.now() - startMs;
      metrics?.observe('kubelet_image_pull_duration_seconds', wholeMs / 1000, [imageSizeBucket(imageRef.sizeBytes)]);
      const whole = formatDuration(Math.trunc(wholeMs));
      this.#tell(
        subject,
        'Normal',
        'Pulled',
        `Successfully pulled image "${image}" in ${formatDuration(Math.trunc(pulled.durationMs))} (${whole} including waiting). Image size: ${imageRef.sizeBytes} bytes.`,
      );
      return imageRef.id;
    } catch (error) {
      await this.records.failed(reference);
      if (signal.aborted) throw signal.reason;
      const message = error instanceof Error ? error.message : String(error);
      this.#tell(subject, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
      const [reason, told] = reasonOf(image, message);
      this.#backoff.failed(key, `${reason}: ${told}`, steadyMs(this.#options.context.clock));
      throw this.#failure(subject, reason, told, error);
    }
  }

  /** What cannot be noted is not pulled: after a restart nobody would know whose image it is. */
  async #intend({ subject, image, reference }: Wish): Promise<void> {
    try {
      await this.records.intend(reference);
    } catch (error) {
      const message = `Failed to record image pull intent for container image "${image}": ${(error as Error).message}`;
      throw this.#failure(subject, 'ErrImagePull', message, error);
    }
  }

  /** The image's id, by which records and containers know it; what the runtime answered when it cannot be found after all. */
  async #idOf(answered: string, reference: string): Promise<{ readonly id: string; readonly sizeBytes: number }> {
    const image = await this.#options.images.find(reference).catch(() => undefined); // it is there: what failed is only the question
    return { id: image?.id ?? answered, sizeBytes: image?.sizeBytes ?? 0 };
  }

  #failure(subject: EventSubject, reason: string, message: string, cause?: unknown): PodPartError {
    this.#tell(subject, 'Warning', 'Failed', `Error: ${reason}`);
    return new PodPartError(reason, message, { eventReason: 'Failed', cause });
  }

  #tell(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#options.context.events?.event(subject, type, reason, message);
  }
}

/** CRI's two errors that have a reason of their own are known by how they begin (cri-api/pkg/errors). */
function reasonOf(image: string, message: string): readonly [reason: string, message: string] {
  const special = {
    RegistryUnavailable: 'the registry is unavailable',
    SignatureValidationFailed: 'the signature validation failed',
  };
  for (const [reason, why] of Object.entries(special))
    if (message.startsWith(reason))
      return [reason, `image pull failed for ${image} because ${why}${message.slice(reason.length)}`];
  return ['ErrImagePull', message];
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
