import type { Clock } from '../std/clock.ts';
import type { GrpcTls } from '../std/grpc/grpc-channel.ts';
import type { Logger } from '../std/logger.ts';
import { Gauge } from '../std/metric.ts';
import { askDatabaseSize, askHealth } from '../store/etcd/member-status.ts';
import { parseServerUrls } from '../store/etcd/server-url.ts';
import type { ProbeComponent } from './componentstatuses/component-status-handler.ts';

const messageOf = (error: unknown) => (error instanceof Error ? error.message : JSON.stringify(error));

/** A row of `kubectl get componentstatuses` for each member, `etcd-0` and so on, in the words of its `/health`. */
export function etcdProbes(servers: string, tls: (() => GrpcTls) | undefined): Readonly<Record<string, ProbeComponent>> {
  return Object.fromEntries(
    parseServerUrls(servers).map((server, i): [string, ProbeComponent] => [
      `etcd-${i}`,
      async () => {
        try {
          const message = await askHealth(server, tls?.());
          const healthy = /"health"\s*:\s*"true"/.test(message);
          return { status: healthy ? 'True' : 'False', message };
        } catch (error) {
          return { status: 'False', message: `Get "${server.url}/health": ${messageOf(error)}` };
        }
      },
    ]),
  );
}

export interface EtcdSizesOptions {
  readonly servers: string;
  readonly tls: (() => GrpcTls) | undefined;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How large the members' databases are, asked now and again, under upstream's name. */
export function watchEtcdSizes({ servers, tls, intervalMs, clock, logger }: EtcdSizesOptions): { metric: Gauge; stop(): void } {
  const sizes = new Map<string, number>();
  const metric = new Gauge(
    'apiserver_storage_size_bytes',
    'Size of the storage database file physically allocated in bytes.',
    ['storage_cluster_id'],
    () => [...sizes].map(([name, bytes]) => [[name], bytes] as const),
  );
  const members = parseServerUrls(servers);
  let stopped = false;
  const ask = () =>
    Promise.all(
      members.map(async (member, i) => {
        try {
          sizes.set(`etcd-${i}`, await askDatabaseSize(member, tls?.()));
        } catch (error) {
          logger.debug(2, 'failed to get storage db size', { member: member.url, error });
        }
      }),
    );
  const again = (delayMs: number) =>
    clock.setTimer(delayMs, () => {
      void ask().then(() => {
        if (!stopped) timer = again(intervalMs);
      });
    });
  let timer = again(1_000);
  return {
    metric,
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}
