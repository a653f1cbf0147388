import { timeMs } from '../api/machinery/time-text.ts';
import { type ProgramError, type RunProgram, runProgram } from '../host/run-program.ts';
import type { ExecPlugin } from '../pki/kubeconfig-exec.ts';
import type { Clock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import type { Credentials } from './transport/https.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport/transport.ts';

/** A credential is a few KB; a certificate with its key some more. */
const LARGEST_ANSWER_BYTES = 1 << 20;
/** Some ask a service far away, or a person in a browser. */
const LONGEST_RUN_MS = 120_000;

export interface ExecCredential extends Credentials {
  /** From then on it is asked for anew; undefined: when the server refuses it. */
  readonly expiresMs?: number;
}

export interface ExecTransportOptions {
  readonly plugin: ExecPlugin;
  readonly clock: Pick<Clock, 'now'>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly run?: RunProgram;
  /** Makes the way to the server; `credentials` are those of the next connection. */
  readonly connect: (credentials: () => Credentials) => Transport;
}

/**
 * A transport whose user is who a program says that he is (client-go/plugin/pkg/client/auth/exec). The program runs before the first request
 * and again when what it said has expired, or the server refused it: the request that was refused is answered so, as there.
 */
export function createExecTransport(options: ExecTransportOptions): Transport {
  const { plugin, clock, environment, run = runProgram } = options;
  let current: ExecCredential | undefined;
  let asking: Promise<ExecCredential> | undefined;
  const transport = options.connect(() => ({
    certificatePem: current?.certificatePem,
    privateKeyPem: current?.privateKeyPem,
  }));

  const ask = async () => {
    const before = current;
    current = await askPlugin(plugin, environment, run);
    // Connections are those of the user who made them.
    if (before && before.certificatePem !== current.certificatePem) await transport.close();
    return current;
  };
  const credential = (): ExecCredential | Promise<ExecCredential> => {
    if (current && (current.expiresMs === undefined || clock.now() < current.expiresMs)) return current;
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return {
    close: (how) => transport.close(how),
    async request(request: TransportRequest): Promise<TransportResponse> {
      const mine = await credential();
      const headers = mine.token ? { authorization: `Bearer ${mine.token}`, ...request.headers } : request.headers;
      const response = await transport.request({ ...request, headers });
      if (response.status === 401 && current === mine) current = { ...mine, expiresMs: Number.NEGATIVE_INFINITY };
      return response;
    },
  };
}

async function askPlugin(
  { apiVersion, command, args, env, installHint, cluster }: ExecPlugin,
  environment: ExecTransportOptions['environment'],
  run: RunProgram,
): Promise<ExecCredential> {
  const fail = (problem: string, cause?: unknown) =>
    new CodedError(`getting credentials: exec: ${problem}`, { code: 'EXEC_CREDENTIALS', cause });
  const spec = { interactive: false, ...(cluster && { cluster }) };
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
  let stdout: string;
  try {
    ({ stdout } = await run(command, args, {
      environment: { ...onlyTexts(environment), ...env, KUBERNETES_EXEC_INFO: info },
      largestOutputBytes: LARGEST_ANSWER_BYTES,
      timeoutMs: LONGEST_RUN_MS,
    }));
  } catch (error) {
    const { code, exitCode, stderr } = error as ProgramError;
    if (code === 'PROGRAM_MISSING') throw fail(`executable ${command} not found${installHint && `\n\n${installHint}`}`, error);
    // Never what it printed for us: that may be a token.
    const how = typeof exitCode === 'number' ? `failed with exit code ${exitCode}` : 'did not end as it should';
    throw fail(`executable ${command} ${how}${stderr?.trim() ? `: ${stderr.trim().slice(-1000)}` : ''}`);
  }
  try {
    return readCredential(stdout, apiVersion);
  } catch (error) {
    throw fail((error as Error).message);
  }
}

/** Reads what a plugin printed. @throws Error that never repeats it */
export function readCredential(text: string, apiVersion: string): ExecCredential {
  const { kind, apiVersion: version, status } = mappingIn(parse(text), 'decoding stdout: it is no ExecCredential');
  if (kind !== 'ExecCredential') throw new Error('decoding stdout: it is no ExecCredential');
  if (version !== apiVersion)
    throw new Error(`plugin is configured to use API version ${apiVersion}, plugin returned version ${JSON.stringify(version)}`);
  const given = mappingIn(status, "plugin didn't return a status field");
  const textOf = (name: string): string | undefined => {
    const value = given[name];
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string') throw new Error(`status.${name}: is not a string`);
    return value;
  };
  const [token, certificatePem, privateKeyPem] = [
    textOf('token')?.trim(),
    textOf('clientCertificateData'),
    textOf('clientKeyData'),
  ];
  if (!token && !certificatePem && !privateKeyPem) throw new Error("plugin didn't return a token or cert/key pair");
  if (!certificatePem !== !privateKeyPem) throw new Error('plugin returned only certificate or key, not both');
  if (token && !/^[\x21-\x7e]+$/.test(token)) throw new Error('status.token: has characters that a header cannot hold');
  const expires = textOf('expirationTimestamp');
  const expiresMs = expires === undefined ? undefined : timeMs(expires);
  if (expires !== undefined && expiresMs === undefined) throw new Error('status.expirationTimestamp: is not a time');
  return { token, certificatePem, privateKeyPem, ...(expiresMs !== undefined && { expiresMs }) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function mappingIn(value: unknown, problem: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(problem);
  return value as Record<string, unknown>;
}

const onlyTexts = (environment: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined));
