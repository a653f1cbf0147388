import { openTunnel } from '../../deploy/apply/tunnel.ts';
import { membersOf } from '../../deploy/desired/etcd.ts';
import { createMemberClient, type MemberClient } from '../../deploy/etcd-members/member-client.ts';
import type { SeenMember } from '../../deploy/etcd-members/member-plan.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo } from '../../std/command.ts';
import { Resources } from '../../std/resources.ts';
import type { Session } from './session.ts';

/** The members of a cluster's etcd, each by a tunnel to its own host. */
export interface EtcdMembers extends AsyncDisposable {
  /** By host. */
  readonly clients: ReadonlyMap<string, MemberClient>;
  /** As those that answer know them. @throws CodedError ETCD_UNREACHABLE when none does */
  read(): Promise<SeenMember[]>;
}

const CLIENT_PORT = 2379;

/** Opens a way to the member on every host with role etcd. */
export async function openEtcdMembers({ inventory, transports, material }: Session, io: CommandIo): Promise<EtcdMembers> {
  await using resources = new Resources();
  const clients = new Map<string, MemberClient>();
  for (const { name } of membersOf(inventory)) {
    // Every member's certificate is for 127.0.0.1, too.
    const tunnel = await openTunnel([{ transport: transports.get(name)!, address: '127.0.0.1', port: CLIENT_PORT }], io.clock);
    resources.defer(() => tunnel.close());
    const server = `https://127.0.0.1:${tunnel.port}`;
    clients.set(
      name,
      createMemberClient({
        server,
        caPem: material.etcdAuthority.trust,
        client: material.pairOf(name, 'etcd'),
        signal: io.signal,
      }),
    );
  }
  const owned = resources.move();
  return {
    clients,
    async read() {
      // One that learns says how it is, and not who the others are.
      const answers = await Promise.all(
        [...clients.values()].map((client) => Promise.allSettled([client.status(), client.members()])),
      );
      io.signal.throwIfAborted();
      const statuses = answers.flatMap(([status]) => (status.status === 'fulfilled' ? [status.value] : []));
      const lists = answers.flatMap(([status, members]) =>
        members.status === 'fulfilled'
          ? [{ members: members.value, isLed: status.status === 'fulfilled' && status.value.leader !== '0' }]
          : [],
      );
      const first = lists.find(({ isLed }) => isLed) ?? lists[0];
      if (!first) {
        const names = [...clients.keys()];
        const why = answers.flatMap(([, members], i) =>
          members.status === 'rejected' ? [`${names[i]}: ${(members.reason as Error).message}`] : [],
        );
        throw new CodedError(`no member of etcd answers: ${why.join('; ')}`, { code: 'ETCD_UNREACHABLE', retryable: true });
      }
      return first.members.map((member) => ({ ...member, status: statuses.find(({ id }) => id === member.id) }));
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}
