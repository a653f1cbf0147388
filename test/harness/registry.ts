import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { descriptorOf, type ImageBlob } from '../../src/kubelet/runtime/cri/images/oci-image.ts';
import { type TestImage, testImage } from './images.ts';

export interface RegistryOptions {
  /** Who may pull; without it everybody may. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

/** A registry of images on loopback, over plain HTTP. */
export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:43210` */
  readonly address: string;
  /** Makes an image pullable as `<name>:<tag>`; answers the digest of its manifest. */
  add(name: string, tag: string, image?: Omit<TestImage, 'names'>): string;
  /** Requests so far: `GET /v2/app/manifests/1`, with the user that asked, if any. */
  readonly requests: readonly { readonly line: string; readonly user?: string }[];
  /** Answers of blobs wait for this, so that a pull can be seen on its way. */
  holdBlobs(until: Promise<void> | undefined): void;
  /** Makes a containerd pull `<host>/…` from here. */
  serve(containerd: { readonly registryConfDir: string }, host: string): Promise<void>;
}

interface Manifest {
  readonly mediaType: string;
  readonly blob: ImageBlob;
}

/** The pulling half of the OCI distribution API (https://github.com/opencontainers/distribution-spec). */
export async function startRegistry({ credentials }: RegistryOptions = {}): Promise<Registry> {
  const manifests = new Map<string, Manifest>();
  const blobs = new Map<string, Buffer>();
  const requests: { line: string; user?: string }[] = [];
  let held: Promise<void> | undefined;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const line = `${request.method} ${request.url}`;
    const user = userOf(request);
    requests.push({ line, ...(user && { user: user.username }) });
    if (credentials && !(user && isSame(user.username, credentials.username) && isSame(user.password, credentials.password))) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"', 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
      return;
    }
    const [, name = '', kind, reference = ''] = /^\/v2\/(?:(.+)\/(manifests|blobs)\/([^/?]+))?/.exec(request.url ?? '') ?? [];
    if (kind === 'blobs') await held;
    const manifest = kind === 'manifests' ? manifests.get(`${name}:${reference}`) : undefined;
    const bytes = manifest?.blob.bytes ?? (kind === 'blobs' ? blobs.get(reference) : undefined);
    if (kind && !bytes) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }));
      return;
    }
    response.writeHead(200, {
      'content-type': manifest?.mediaType ?? 'application/octet-stream',
      'content-length': bytes?.length ?? 0,
      ...(manifest && { 'docker-content-digest': manifest.blob.digest }),
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address,
    requests,
    add(name, tag, image = {}) {
      const { manifest, config, layer } = testImage({ names: [], ...image });
      for (const { digest, bytes } of [config, layer]) blobs.set(digest, bytes);
      const { mediaType, digest } = descriptorOf(manifest);
      for (const reference of [tag, digest]) manifests.set(`${name}:${reference}`, { mediaType, blob: manifest });
      return digest;
    },
    holdBlobs(until) {
      held = until;
    },
    async serve({ registryConfDir }, host) {
      const directory = join(registryConfDir, host);
      await mkdir(directory, { recursive: true });
      const capabilities = '["pull", "resolve"]';
      await writeFile(
        join(directory, 'hosts.toml'),
        `server = "http://${address}"\n[host."http://${address}"]\n  capabilities = ${capabilities}\n`,
      );
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function userOf({ headers }: IncomingMessage): { username: string; password: string } | undefined {
  const [, base64] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? [];
  if (!base64) return undefined;
  const text = Buffer.from(base64, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

const digestOf = (text: string) => createHash('sha256').update(text).digest();
const isSame = (a: string, b: string) => timingSafeEqual(digestOf(a), digestOf(b));
