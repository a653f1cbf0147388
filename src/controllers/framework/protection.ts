import type { KubeObject } from '../../api/machinery/object.ts';
import type { ResourceClient } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';

/** Whether an object is being deleted and only waits for those that hold on to it, this finalizer among them. */
export function waitsForRelease({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata?.deletionTimestamp !== undefined && (metadata.finalizers?.includes(finalizer) ?? false);
}

/** Whether an object that is not being deleted lacks the finalizer: it was made before admission put it on. */
export function lacksFinalizer({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata?.deletionTimestamp === undefined && !metadata?.finalizers?.includes(finalizer);
}

export interface Protection<T extends KubeObject> {
  readonly resource: ResourceClient<T>;
  readonly finalizer: string;
  isUsed(object: T, signal: AbortSignal): Promise<boolean> | boolean;
}

/** Puts the finalizer on, or takes it off an object that goes and that nobody uses (pkg/controller/volume/protectionutil). */
export async function protect<T extends KubeObject>(
  object: T,
  { resource, finalizer, isUsed }: Protection<T>,
  signal: AbortSignal,
): Promise<void> {
  const finalizers = object.metadata?.finalizers ?? [];
  const write = (changed: string[]) =>
    unlessReason(resource.update({ ...object, metadata: { ...object.metadata, finalizers: changed } }, { signal }), 'NotFound');
  if (lacksFinalizer(object, finalizer)) await write([...finalizers, finalizer]);
  else if (waitsForRelease(object, finalizer) && !(await isUsed(object, signal)))
    await write(finalizers.filter((each) => each !== finalizer));
}
