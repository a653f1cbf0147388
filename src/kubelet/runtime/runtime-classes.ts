import type { V1Pod, V1RuntimeClass } from '../../api/gen/types.ts';
import { runtimeClassKind } from '../../api/node/v1/runtime-class.ts';
import type { Client } from '../../client/client.ts';
import type { Runtime } from './runtime.ts';

/**
 * The runtime, with each sandbox made by the handler of its pod's RuntimeClass. The class is asked for when a sandbox is made: few pods have
 * one, and what it says must not change for a pod that runs.
 */
export function withRuntimeClasses(runtime: Runtime, client: Client): Runtime {
  return {
    ...runtime,
    async runSandbox(request) {
      const { preparation } = request;
      const runtimeHandler = await handlerOf(request.pod, client);
      if (runtimeHandler === undefined || !preparation) return runtime.runSandbox(request);
      return runtime.runSandbox({ ...request, preparation: { ...preparation, runtimeHandler } });
    },
  };
}

/** Rejects with the server's words (`runtimeclass.node.k8s.io "x" not found`) for a class that there is not. */
async function handlerOf({ spec }: V1Pod, client: Client): Promise<string | undefined> {
  const name = spec?.runtimeClassName;
  if (!name) return undefined;
  return (await client.resource<V1RuntimeClass>(runtimeClassKind).get(name)).handler;
}
