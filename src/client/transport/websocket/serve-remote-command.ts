import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { internalError, type Status, StatusError } from '../../../api/machinery/status-error.ts';
import { SpdyConnection } from '../spdy/spdy-connection.ts';
import type { SpdyStream } from '../spdy/spdy-stream.ts';
import { CHANNEL, type ChannelReader, ChannelSocket } from './channel-socket.ts';

/** The last version that every kubelet and runtime knows: its error stream ends with a Status. */
const SPDY_PROTOCOL = 'v4.channel.k8s.io';
const LONGEST_STATUS_BYTES = 64 * 1024;

export interface WantedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** What a peer answers to the wish to speak SPDY. */
export interface SpdyAnswer {
  readonly message: IncomingMessage;
  readonly status: number;
  /** It did change protocols. */
  readonly switched: boolean;
  readonly socket: Duplex & { destroySoon(): void };
  /** What came behind the answer. */
  readonly rest: Buffer;
}

export interface RemoteCommandPeer {
  /** In what is told of failures: `the kubelet`. */
  readonly name: string;
  /** Asks by POST for SPDY/3.1 with these headers. Rejects in upstream's words (`error dialing backend: …`). */
  ask(headers: Readonly<Record<string, string[]>>, signal: AbortSignal): Promise<SpdyAnswer>;
}

/**
 * Serves a remote command by an open WebSocket (v5.channel.k8s.io) and speaks SPDY to a peer (apimachinery/pkg/util/proxy/streamtranslator.go).
 * What goes wrong behind the WebSocket is told on its error channel. Resolves when the client has left.
 *
 * @param signal ends it all
 */
export async function serveRemoteCommand(
  webSocket: WebSocket,
  wanted: WantedStreams,
  peer: RemoteCommandPeer,
  signal: AbortSignal,
): Promise<void> {
  const stdin = new LateReader();
  const resize = new LateReader();
  const readers = new Map<number, ChannelReader>([
    ...(wanted.stdin ? [[CHANNEL.stdin, stdin] as const] : []),
    ...(wanted.tty ? [[CHANNEL.resize, resize] as const] : []),
  ]);
  const client = new ChannelSocket(webSocket, readers);
  const gone = new AbortController();
  const leave = () => gone.abort(new DOMException('the client went away', 'AbortError'));
  const stop = () => client.terminate();
  webSocket.once('close', leave);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    // So the client knows that it is connected.
    await client.send(wanted.stdout ? CHANNEL.stdout : wanted.stderr ? CHANNEL.stderr : CHANNEL.error, Buffer.alloc(0));
    const status = await runCommand(peer, wanted, { client, stdin, resize }, gone.signal).catch((error: Error) =>
      error instanceof StatusError ? error.status : internalError(error.message).status,
    );
    await client.send(CHANNEL.error, Buffer.from(JSON.stringify(status)));
    await client.finish();
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

interface ClientSide {
  readonly client: ChannelSocket;
  readonly stdin: LateReader;
  readonly resize: LateReader;
}

/** Resolves with the Status that the peer ends the command with. */
async function runCommand(
  peer: RemoteCommandPeer,
  wanted: WantedStreams,
  side: ClientSide,
  signal: AbortSignal,
): Promise<Status> {
  const answer = await peer.ask({ 'x-stream-protocol-version': [SPDY_PROTOCOL] }, signal).catch((error: Error) => {
    throw new Error(`error sending request: ${error.message.replace(/^error dialing backend: /, '')}`);
  });
  if (!answer.switched) throw await upgradeFailure(answer);
  const protocol = answer.message.headers['x-stream-protocol-version'];
  const connection = new SpdyConnection({ socket: answer.socket, head: answer.rest, role: 'client' });
  try {
    if (protocol !== SPDY_PROTOCOL)
      throw new Error(`unable to upgrade: ${peer.name} chose protocol ${JSON.stringify(protocol ?? '')}`);
    const open = (streamType: string) => connection.openStream({ streamType });
    // The order is the one in which upstream's clients open them.
    const [error, stdin, stdout, stderr, resize] = await Promise.all([
      open('error'),
      wanted.stdin ? open('stdin') : undefined,
      wanted.stdout ? open('stdout') : undefined,
      wanted.stderr && !wanted.tty ? open('stderr') : undefined,
      wanted.tty ? open('resize') : undefined,
    ]);
    const ended = readStatus(error, peer.name);
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
    if (size > LONGEST_STATUS_BYTES) throw new Error(`more than ${LONGEST_STATUS_BYTES} bytes are said of a failure`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What the error stream says at its end. Nothing is success; a stream that is cut is not. */
async function readStatus(stream: SpdyStream, peer: string): Promise<Status> {
  const text = await readText(stream).catch((error: Error) => {
    throw new Error(`error reading from error stream: ${error.message}`);
  });
  if (text === '' && stream.wasCancelled) throw new Error(`the command was given up by ${peer}`);
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
    return undefined; // a failure may be plain text
  }
}

/** Why a peer did not change protocols, in the words of upstream's SPDY client. */
async function upgradeFailure({ message, status, socket }: SpdyAnswer): Promise<Error> {
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
