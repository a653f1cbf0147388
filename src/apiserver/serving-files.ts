import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import type { ApiServer, CertificatePair } from './configuration.ts';
import { followFile } from './configuration-files/follow-file.ts';
import type { NamedCertificate } from './listener/named-certificates.ts';

export interface PairFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface NamedFiles extends PairFiles {
  readonly names: readonly string[];
}

/** The files by which the server is known, and knows others. */
export interface ServingFiles {
  /** Absent: a self-signed certificate is made. */
  readonly tls?: PairFiles;
  /** `--tls-sni-cert-key`. */
  readonly named: readonly NamedFiles[];
  readonly clientCa?: AuthorityFile | undefined;
  readonly frontProxyCa?: AuthorityFile | undefined;
}

/** A file of authorities, with what was read of it. */
export interface AuthorityFile {
  readonly path: string;
  readonly pem: string;
}

/** Certificates of the server as its files say; what is half written or wrong leaves what was. */
export interface ServingCertificates {
  readonly tls: () => CertificatePair;
  readonly namedTls: () => readonly NamedCertificate[];
  /** Follows the files from now on, those of authorities too. */
  follow(server: Pick<ApiServer, 'reloadCertificates' | 'changeAuthorities'>): { close(): void };
}

/** @param otherwise what the server shows without a certificate of its own */
export async function readServingFiles(
  files: ServingFiles,
  otherwise: () => Promise<CertificatePair>,
  { clock, logger }: { readonly clock: Pick<Clock, 'setTimer'>; readonly logger: Logger },
): Promise<ServingCertificates> {
  let tls = files.tls ? await readPair(files.tls) : await otherwise();
  let named = await Promise.all(files.named.map(async (each) => ({ pair: await readPair(each), names: each.names })));
  const common = { clock, logger, atOnce: true };
  return {
    tls: () => tls,
    namedTls: () => named,
    follow(server) {
      const followPair = (what: string, from: PairFiles, pair: CertificatePair, put: (pair: CertificatePair) => void) =>
        followFile({
          ...{ ...common, what, path: from.certificate, more: [from.key], text: JSON.stringify(pair) },
          read: async () => JSON.stringify(await readPair(from)),
          async apply(text) {
            const before = { tls, named };
            const newer = JSON.parse(text) as CertificatePair;
            // TLS itself takes none at all for an answer.
            new X509Certificate(newer.certificatePem);
            put(newer);
            try {
              server.reloadCertificates();
            } catch (error) {
              ({ tls, named } = before);
              throw error;
            }
          },
        });
      const followAuthority = (what: string, file: AuthorityFile | undefined, change: (pem: string) => Promise<void>) =>
        file
          ? [
              followFile({
                ...common,
                what,
                path: file.path,
                text: file.pem,
                read: () => readFile(file.path, 'utf8'),
                apply: change,
              }),
            ]
          : [];
      const followed = [
        ...(files.tls
          ? [
              followPair('serving certificate', files.tls, tls, (pair) => {
                tls = pair;
              }),
            ]
          : []),
        ...files.named.map((each, at) =>
          followPair('certificate of --tls-sni-cert-key', each, named[at]!.pair, (pair) => {
            named = named.with(at, { pair, names: each.names });
          }),
        ),
        ...followAuthority('client CA', files.clientCa, (clientCaPem) => server.changeAuthorities({ clientCaPem })),
        ...followAuthority('front proxy CA', files.frontProxyCa, (frontProxyCaPem) =>
          server.changeAuthorities({ frontProxyCaPem }),
        ),
      ];
      return {
        close() {
          for (const each of followed) each.close();
        },
      };
    },
  };
}

async function readPair({ certificate, key }: PairFiles): Promise<CertificatePair> {
  const [certificatePem, privateKeyPem] = await Promise.all([readFile(certificate, 'utf8'), readFile(key, 'utf8')]);
  return { certificatePem, privateKeyPem };
}
