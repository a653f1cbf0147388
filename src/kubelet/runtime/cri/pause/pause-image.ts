import { type Architecture, type OciImage, ociImageOf } from '../images/oci-image.ts';
import { pauseProgram } from './pause-program.ts';

/** The image that sandboxes are made of: one file. It runs as nobody in particular, as upstream's does. */
export function pauseImage(architecture: Architecture): OciImage {
  const files = [{ path: 'pause', mode: 0o755, content: pauseProgram(architecture) }];
  return ociImageOf(files, { Entrypoint: ['/pause'], User: '65535:65535', Env: ['PATH=/'], WorkingDir: '/' }, architecture);
}
