import { podKind } from '../api/core/v1/pod.ts';
import type { Client } from '../client/client.ts';
import { isAbort } from '../std/lifecycle.ts';
import type { Extender } from './framework/extender.ts';
import type { PodInfo } from './pod-info.ts';

export interface BindContext {
  readonly client: Client;
  readonly extenders: readonly Extender[];
  readonly signal: AbortSignal;
}

/** Gives a pod its node: by an extender that binds, else at the API server. An extender that fails and is ignorable leaves it to the next. */
export async function bindPod(info: PodInfo, nodeName: string, { client, extenders, signal }: BindContext): Promise<void> {
  for (const extender of extenders) {
    if (!extender.bind || !extender.isInterested(info)) continue;
    try {
      await extender.bind(info, nodeName, signal);
      return;
    } catch (error) {
      if (!extender.ignorable || isAbort(error, signal)) throw error;
    }
  }
  const { namespace, name = '', uid } = info.pod.metadata!;
  const target = { apiVersion: 'v1', kind: 'Node', name: nodeName };
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { namespace, name, uid }, target };
  await client.resource(podKind, namespace).create(binding, { name, subresource: 'binding', signal });
}
