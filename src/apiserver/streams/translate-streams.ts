import { internalError, type Status, StatusError } from '../../api/machinery/status-error.ts';
import { SpdyConnection } from '../../client/transport/spdy/spdy-connection.ts';
import type { SpdyStream } from '../../client/transport/spdy/spdy-stream.ts';
import type { RequestContext, ServerResponse } from '../contracts.ts';
import { type OpenedUpgrade, openUpgrade, type UpgradeTarget } from '../proxying/pass-upgrade.ts';
import { TUNNEL_TIMES } from '../proxying/tunnel.ts';
import { acceptWebSocket } from './accept-websocket.ts';
import { CHANNEL, type ChannelReader, ChannelSocket } from './channel-socket.ts';

/** The last version that every kubelet and runtime knows: its error stream ends with a Status. */
const SPDY_PROTOCOL = 'v4.channel.k8s.io';
const WEBSOCKET_PROTOCOL = 'v5.channel.k8s.io';
const LONGEST_STATUS_BYTES = 64 * 1024;

export interface WantedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/**
 * Serves a remote command by WebSocket (v5.channel.k8s.io) and speaks SPDY to the kubelet
 * (apiserver/pkg/util/proxy/streamtranslator.go). The WebSocket is accepted first: what goes wrong behind it is told on its error
 * channel.
 */
export async function translateStreams(
  target: UpgradeTarget,
  wanted: WantedStreams,
  { request }: RequestContext,
  response: ServerResponse,
): Promise<void> {
  const stdin = new LateReader();
  const resize = new LateReader();
  const readers = new Map<number, ChannelReader>([
    ...(wanted.stdin ? [[CHANNEL.stdin, stdin] as const] : []),
    ...(wanted.tty ? [[CHANNEL.resize, resize] as const] : []),
  ]);
  const webSocket = acceptWebSocket(request, response, { protocol: WEBSOCKET_PROTOCOL, closeTimeoutMs: TUNNEL_TIMES.finishMs });
  const client = new ChannelSocket(webSocket, readers);
  const gone = new AbortController();
  const leave = () => gone.abort(new DOMException('the client went away', 'AbortError'));
  const stop = () => client.terminate();
  webSocket.once('close', leave);
  request.signal.addEventListener('abort', stop, { once: true });
  if (request.signal.aborted) stop();
  try {
    // So the client knows that it is connected.
    await client.send(wanted.stdout ? CHANNEL.stdout : wanted.stderr ? CHANNEL.stderr : CHANNEL.error, Buffer.alloc(0));
    const status = await runCommand(target, wanted, { client, stdin, resize }, gone.signal).catch((error: Error) =>
      error instanceof StatusError ? error.status : internalError(error.message).status,
    );
    await client.send(CHANNEL.error, Buffer.from(JSON.stringify(status)));
    await client.finish();
  } finally {
    request.signal.removeEventListener('abort', stop);
  }
}

interface ClientSide {
  readonly client: ChannelSocket;
  readonly stdin: LateReader;
  readonly resize: LateReader;
}

/** Resolves with the Status that the kubelet ends the command with. */
async function runCommand(target: UpgradeTarget, wanted: WantedStreams, side: ClientSide, signal: AbortSignal): Promise<Status> {
  const asked = { method: 'POST', upgrade: 'SPDY/3.1', headers: { 'x-stream-protocol-version': [SPDY_PROTOCOL] } };
  const answer = await openUpgrade(target, asked, signal).catch((error: Error) => {
    throw new Error(`error sending request: ${error.message.replace(/^error dialing backend: /, '')}`);
  });
  if (!answer.switched) throw await upgradeFailure(answer);
  const protocol = answer.message.headers['x-stream-protocol-version'];
  const connection = new SpdyConnection({ socket: answer.socket, head: answer.rest, role: 'client' });
  try {
    if (protocol !== SPDY_PROTOCOL)
      throw new Error(`unable to upgrade: the kubelet chose protocol ${JSON.stringify(protocol ?? '')}`);
    const open = (streamType: string) => connection.openStream({ streamType });
    // The order is the one in which upstream's clients open them.
    const [error, stdin, stdout, stderr, resize] = await Promise.all([
      open('error'),
      wanted.stdin ? open('stdin') : undefined,
      wanted.stdout ? open('stdout') : undefined,
      wanted.stderr && !wanted.tty ? open('stderr') : undefined,
      wanted.tty ? open('resize') : undefined,
    ]);
    const ended = readStatus(error);
    ended.catch(() => undefined); // told below, behind the output
    if (stdin) side.stdin.connect(stdin);
    if (resize) side.resize.connect(resize);
    await Promise.all([
      stdout && sendAll(stdout, CHANNEL.stdout, side.client),
      stderr && sendAll(stderr, CHANNEL.stderr, side.client),
    ]);
    return await ended;
  } finally {
    connection.close();
    answer.socket.destroySoon();
  }
}

async function sendAll(stream: SpdyStream, channel: number, client: ChannelSocket): Promise<void> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) await client.send(channel, chunk as Buffer);
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LONGEST_STATUS_BYTES) throw new Error(`the kubelet says more than ${LONGEST_STATUS_BYTES} bytes of a failure`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What the error stream says at its end. Nothing is success; a stream that is cut is not. */
async function readStatus(stream: SpdyStream): Promise<Status> {
  const text = await readText(stream).catch((error: Error) => {
    throw new Error(`error reading from error stream: ${error.message}`);
  });
  if (text === '' && stream.wasCancelled) throw new Error('the command was given up by the kubelet');
  if (text === '') return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  const status = parseStatus(text);
  if (!status) throw new Error(`error stream protocol error: unknown error in ${JSON.stringify(text.slice(0, 1024))}`);
  return status;
}

function parseStatus(text: string): Status | undefined {
  try {
    const value = JSON.parse(text) as Partial<Status> | null;
    return value?.status === 'Success' || value?.status === 'Failure' ? (value as Status) : undefined;
  } catch {
    return undefined; // a kubelet's failure may be plain text
  }
}

/** Why a kubelet did not change protocols, in the words of upstream's SPDY client. */
async function upgradeFailure({ message, status, socket }: OpenedUpgrade): Promise<Error> {
  const text = await readText(message).catch(() => 'unable to read error from server response');
  socket.destroy();
  const told = parseStatus(text);
  return told?.status === 'Failure' && told.kind === 'Status'
    ? new StatusError(told)
    : new Error(`unable to upgrade connection: ${text.trim() || `status code ${status}`}`);
}

/** Keeps a channel's bytes waiting until its stream is there, and then lets them go no faster than it takes them. */
class LateReader implements ChannelReader {
  #stream: SpdyStream | undefined;
  #early: Buffer[] = [];
  #ended = false;
  #resume: (() => void) | undefined;

  connect(stream: SpdyStream): void {
    this.#stream = stream;
    // The other side may end it, too: nobody reads any more, as of a command that has ended.
    stream.resume();
    stream.once('close', () => this.#wake());
    stream.on('drain', () => this.#wake());
    for (const bytes of this.#early) stream.write(bytes);
    this.#early = [];
    if (this.#ended) stream.end();
    this.#wake();
  }

  write(bytes: Buffer): boolean {
    const stream = this.#stream;
    if (this.#ended) return true;
    if (stream) return stream.destroyed || stream.write(bytes);
    this.#early.push(bytes);
    return false;
  }

  drained(resume: () => void): void {
    this.#resume = resume;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream?.end();
  }

  #wake(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }
}
