import { agentInput, agentScript } from '../../deploy/apply/agent-script.ts';
import type { Cluster } from '../../deploy/apply/cluster.ts';
import { AUTHORITIES, authorityFile, newAuthority, SERVICE_ACCOUNT } from '../../deploy/assets/authorities.ts';
import { publicHalfOf } from '../../deploy/assets/rotation.ts';
import { remakeLegacyTokens } from '../../deploy/rotate/legacy-tokens.ts';
import { awaitRootCertificates } from '../../deploy/rotate/root-certificates.ts';
import type { RotationSubject } from '../../deploy/rotate/stages.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import type { CommandIo } from '../../std/command.ts';
import type { Session } from './session.ts';

/** Something that `muster deploy rotate` replaces in three steps. */
export interface Rotation {
  /** What it is called in what is printed. */
  readonly title: string;
  readonly marker: string;
  subjects(session: Session, io: CommandIo): readonly RotationSubject[];
  /** What hangs on a step beside the hosts' files. @param settleMs how long pods get to see what is new */
  follow(stage: 'bundle' | 'signing', session: Session, io: CommandIo, settleMs: number): Promise<void>;
}

export const AUTHORITY_ROTATION: Rotation = {
  title: 'certificate authority',
  marker: 'pki/rotates-ca',
  subjects({ inventory }, io) {
    const names = inventory.pki.authorities === 'separate' ? AUTHORITIES : (['cluster'] as const);
    return names.map((name) => ({
      name: authorityFile(inventory, name),
      async create() {
        const { certificatePem, privateKeyPem } = await newAuthority(inventory, name, io.clock.now());
        return { certificate: certificatePem, key: privateKeyPem };
      },
    }));
  },
  async follow(stage, session, io, settleMs) {
    if (stage !== 'bundle') return;
    await withCluster(session, (cluster) =>
      awaitRootCertificates(cluster.client, session.material.authority.trust, { clock: io.clock, signal: io.signal }),
    );
    await settle(io, settleMs, 'see the bundle');
  },
};

export const SERVICE_ACCOUNT_ROTATION: Rotation = {
  title: "service accounts' key",
  marker: 'pki/rotates-service-accounts',
  subjects: () => [
    {
      name: SERVICE_ACCOUNT,
      async create() {
        const { pem } = await generatePrivateKey('rsa-2048');
        return { certificate: publicHalfOf(pem), key: pem };
      },
    },
  ],
  async follow(stage, session, io, settleMs) {
    if (stage !== 'signing') return;
    const publicKey = session.material.serviceAccount.certificate;
    const remade = await withCluster(session, ({ client }) =>
      remakeLegacyTokens({ client, publicKey, clock: io.clock, signal: io.signal }),
    );
    if (remade > 0) io.stderr(`${remade} tokens in Secrets are made again\n`);
    // They keep the tokens of their pods in memory, and ask for others when they start.
    for (const { name, roles } of session.inventory.hosts) {
      if (!roles.includes('worker')) continue;
      const step = { type: 'restarted', name: 'kubelet.service', phase: 'node' } as const;
      await session.transports.get(name)!.run(agentScript(), { input: agentInput([step]), signal: io.signal });
    }
    await settle(io, settleMs, 'get tokens of the new key');
  },
};

async function settle({ clock, signal, stderr }: CommandIo, settleMs: number, what: string): Promise<void> {
  if (settleMs === 0) return;
  stderr(`pods have ${Math.round(settleMs / 1000)} s to ${what}\n`);
  await clock.sleep(settleMs, signal);
}

async function withCluster<T>(session: Session, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = await session.openCluster();
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}
