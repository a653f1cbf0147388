import { existsSync, readFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';

/** The status that a URL is answered with, to the administrator where there is a certificate for one; rejects while nobody listens. */
export function answerOf(url: string, certificateDirectory: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = url.startsWith('https:')
      ? // Whom we ask is known; who it is, is what the tests check.
        { ...adminCertificate(certificateDirectory), rejectUnauthorized: false, agent: false as const }
      : { agent: false as const };
    const request = (url.startsWith('https:') ? get : httpGet)(url, options, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    });
    request.setTimeout(5_000, () => request.destroy(new Error(`${url} did not answer`)));
    request.once('error', reject);
  });
}

function adminCertificate(directory: string): { cert?: Buffer; key?: Buffer } {
  const [cert, key] = [join(directory, 'admin.pem'), join(directory, 'admin.key')];
  return existsSync(cert) ? { cert: readFileSync(cert), key: readFileSync(key) } : {};
}
