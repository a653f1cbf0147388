import { createHash } from 'node:crypto';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Secret } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import {
  bootstrapTokenSecret,
  DEFAULT_TOKEN_GROUP,
  generateBootstrapToken,
  splitBootstrapToken,
  TOKEN_NAMESPACE,
} from '../../cluster/bootstrap-token.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { TOKEN_FLAGS, tokenClient } from '../token/token-flags.ts';

/** `kubeadm token create [TOKEN]`: standard output is the token alone, so that a shell variable can take it. */
export const tokenCreateCommand: ComponentCommand = {
  name: 'create',
  arguments: '[TOKEN]',
  summary: 'Makes a bootstrap token, a given one or a new one, and prints it.',
  flags: [
    { name: 'description', type: 'string', description: 'what the token is for' },
    {
      name: 'groups',
      type: 'strings',
      default: [DEFAULT_TOKEN_GROUP],
      description: 'further groups of who uses the token; must begin with system:bootstrappers:',
    },
    { name: 'ttl', type: 'duration', default: '24h0m0s', description: 'how long the token is valid; 0 for ever' },
    { name: 'usages', type: 'strings', default: ['signing', 'authentication'], description: 'what the token may be used for' },
    { name: 'print-join-command', type: 'bool', description: 'print the whole kubeadm join command instead of the token' },
    {
      name: 'certificate-key',
      type: 'string',
      description:
        'with --print-join-command: make it the one of a further control plane, which takes its certificates by this key',
    },
    { name: 'config', type: 'string', description: "kubeadm's configuration file; not read here", hidden: true },
    ...TOKEN_FLAGS,
  ],
  run: createToken,
};

async function createToken(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const { values } = flags;
  if (flags.args.length > 1) throw new FlagError('TOKEN', `one token can be made at a time, not ${flags.args.length}`);
  if (flags.isSet('config'))
    throw new FlagError(
      '--config',
      '--config: files of kubeadm are not read; say it with --description, --groups, --ttl and --usages',
    );
  const token = flags.args[0] ?? generateBootstrapToken();
  const { id, secret } = splitBootstrapToken(token);
  const ttlMs = values.durationMs('ttl');
  if (ttlMs < 0) throw new FlagError('--ttl', 'the TTL of a token cannot be negative');
  const object = bootstrapTokenSecret({
    id,
    secret,
    description: values.string('description'),
    expiresMs: ttlMs === 0 ? undefined : io.clock.now() + ttlMs,
    usages: values.strings('usages'),
    groups: values.strings('groups'),
  });
  const { client, kubeconfigPath } = await tokenClient(flags, io);
  try {
    const secrets = client.resource<V1Secret>(secretKind, TOKEN_NAMESPACE);
    await secrets.create(object, { dryRun: values.bool('dry-run') }).catch((error: unknown) => {
      if (isStatus(error, 'AlreadyExists'))
        throw new CodedError(`a token with id ${JSON.stringify(id)} already exists`, { code: 'TOKEN_EXISTS', cause: error });
      throw error;
    });
  } finally {
    await client.transport.close({ final: true });
  }
  io.stdout(
    values.bool('print-join-command')
      ? `${await joinCommand(kubeconfigPath, token, values.string('certificate-key'))} \n`
      : `${token}\n`,
  );
  return 0;
}

/** What to type on a machine that is to join, with the hash by which it knows the cluster's CA (kubeadm, pubkeypin.Hash). */
async function joinCommand(kubeconfigPath: string, token: string, certificateKey: string): Promise<string> {
  const { readKubeconfig, resolveContext } = await import('../../pki/kubeconfig.ts');
  const { parseCertificates } = await import('../../pki/certificate.ts');
  const { server, caPem } = await resolveContext(await readKubeconfig(kubeconfigPath));
  if (!caPem)
    throw new CodedError(`${kubeconfigPath} holds no CA certificate, whose hash a join command needs`, {
      code: 'KUBECONFIG_WITHOUT_CA',
    });
  const hashes = parseCertificates(caPem).map(
    ({ publicKeyDer }) => `--discovery-token-ca-cert-hash sha256:${createHash('sha256').update(publicKeyDer).digest('hex')}`,
  );
  return `kubeadm join ${new URL(server).host} --token ${token} ${hashes.join(' ')}${certificateKey && ` --control-plane --certificate-key ${certificateKey}`}`;
}
