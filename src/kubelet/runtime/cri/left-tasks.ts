import { createGrpcChannel } from '../../../std/grpc/grpc-channel.ts';
import { isGrpcStatus } from '../../../std/grpc/grpc-error.ts';
import { createMessageCodec } from '../../../std/grpc/message-codec.ts';

/** Of containerd's own API (github.com/containerd/containerd, api/services/tasks/v1): a task is the process of a container. */
export const TASK_MESSAGES = {
  KillRequest: { container_id: '1 string', signal: '3 uint32', all: '4 bool' },
  WaitRequest: { container_id: '1 string' },
  DeleteTaskRequest: { container_id: '1 string' },
  TaskResponse: {},
} as const;

export interface LeftTasks {
  /**
   * Calls `remove`; where the runtime refuses because one of `containerIds` still has a task, ends that task and calls it once more.
   *
   * containerd 1.6 leaves one when the caller of StartContainer goes at the wrong moment ("failed to get task pid: context
   * canceled"): CRI calls the container ended and stops nothing of it, and what is below CRI will not remove it as long as it has a task.
   *
   * @throws what `remove` rejects with, where that does not help or the runtime has no such API
   */
  removing(containerIds: () => Promise<readonly string[]>, remove: () => Promise<void>): Promise<void>;
  close(): void;
}

const METADATA = { 'containerd-namespace': 'k8s.io' };
const SIGKILL = 9;
const codec = createMessageCodec(TASK_MESSAGES);

/** On the socket of CRI; connects when it is needed. */
export function createLeftTasks(endpoint: string, timeoutMs: number): LeftTasks {
  const channel = createGrpcChannel({ target: endpoint });
  const call = async (name: string, request: Buffer) => {
    try {
      await channel.unary(`/containerd.services.tasks.v1.Tasks/${name}`, request, { timeoutMs, metadata: METADATA });
    } catch (error) {
      // It has ended, or the half of containerd that speaks CRI has taken it away meanwhile.
      if (!isGrpcStatus(error, 'NotFound')) throw error;
    }
  };

  async function end(container_id: string): Promise<void> {
    await call('Kill', codec.encode('KillRequest', { container_id, signal: SIGKILL, all: true }));
    await call('Wait', codec.encode('WaitRequest', { container_id }));
    await call('Delete', codec.encode('DeleteTaskRequest', { container_id }));
  }

  return {
    async removing(containerIds, remove) {
      try {
        await remove();
      } catch (error) {
        if (!isGrpcStatus(error, 'FailedPrecondition')) throw error;
        try {
          for (const id of await containerIds()) await end(id);
        } catch (failure) {
          if (isGrpcStatus(failure, 'Unimplemented')) throw error;
          throw failure;
        }
        await remove();
      }
    },
    close: () => channel.close(),
  };
}
