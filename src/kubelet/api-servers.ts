import { readFile } from 'node:fs/promises';
import type { Client } from '../client/client.ts';
import { parseCertificates } from '../pki/certificate.ts';
import type { Component } from '../std/lifecycle.ts';
import type { CertificateManager } from './certificates/certificate-manager.ts';
import { type KeyPair, readPair } from './certificates/certificate-store.ts';
import { createFileWatch } from './file-watch.ts';
import type { KubeletOptions } from './kubelet-options.ts';
import { createKubeletServer, createReadOnlyServer, type KubeletServer } from './server/kubelet-server.ts';
import type { KubeletView } from './server/kubelet-view.ts';
import { openServingCertificate } from './serving-certificate.ts';

export interface ApiServers {
  /** Undefined with `enableServer: false`. */
  readonly server: KubeletServer | undefined;
  /** Keeps the serving certificate renewed; undefined when it is not requested from the cluster. */
  readonly manager: CertificateManager | undefined;
}

/**
 * Opens the secured port, and the read-only one where `readOnlyPort` asks for it; both listen when this resolves. Certificates and
 * client authorities that come from files are read again when the files change.
 */
export async function openApiServers(
  options: KubeletOptions,
  parts: {
    readonly view: KubeletView;
    readonly client: Client;
    /** What `clientCAFile` held. */
    readonly clientCaPem: string | undefined;
    readonly names: { hostname: string; ipAddresses: readonly string[] };
    readonly begin: (component: Component) => Promise<void>;
    /** Told of the serving certificate in use, and of each that follows. */
    readonly onServing: (pair: KeyPair | undefined) => void;
  },
): Promise<ApiServers> {
  const { configuration, clock, logger } = options;
  const { view, client, clientCaPem, begin, onServing } = parts;
  const address = options.listen?.address ?? configuration.address;
  if (configuration.readOnlyPort > 0)
    await begin(createReadOnlyServer({ address, port: configuration.readOnlyPort, view, clock, logger }));
  if (!configuration.enableServer) return { server: undefined, manager: undefined };

  let server: KubeletServer | undefined;
  const use = (pair: KeyPair) => {
    onServing(pair);
    server?.useCertificate(pair);
  };
  const { tlsCertFile, tlsPrivateKeyFile } = configuration;
  const pairFiles = tlsCertFile && tlsPrivateKeyFile ? [tlsCertFile, tlsPrivateKeyFile] : undefined;
  // As they are now: a change from here on is seen. Files that cannot be read are told by the next line.
  const pairTexts = await Promise.all((pairFiles ?? []).map((path) => readFile(path, 'utf8').catch(() => '')));
  const serving = await openServingCertificate(options, client, parts.names, use);
  onServing(serving.pair);
  const port = options.listen?.port ?? configuration.port;
  const certificate = serving.pair;
  const whenAsked = options.listen?.whenAsked;
  server = createKubeletServer({ address, port, view, client, clientCaPem, certificate, whenAsked, clock, logger });
  await begin(server);

  if (pairFiles)
    await begin(
      createFileWatch({
        paths: pairFiles,
        contents: pairTexts,
        onChange: ([certificatePem = '', keyPem = '']) => use(readPair(certificatePem, keyPem, pairFiles[0]!)),
        clock,
        logger,
      }),
    );
  const { clientCAFile } = configuration.authentication.x509;
  if (clientCAFile && clientCaPem !== undefined)
    await begin(
      createFileWatch({
        paths: [clientCAFile],
        contents: [clientCaPem],
        onChange: ([pem = '']) => {
          parseCertificates(pem);
          server.useClientCa(pem);
        },
        clock,
        logger,
      }),
    );
  return { server, manager: serving.manager };
}
