/**
 * Names of images as Docker's reference grammar has them (https://github.com/distribution/reference): `nginx`, `nginx:1.27`,
 * `registry.example:5000/team/app@sha256:…`.
 */
export interface ImageName {
  /** In full, without tag and digest: `docker.io/library/nginx`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*';
const HOST_PART = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = `(?:${HOST_PART}(?:\\.${HOST_PART})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`;
const REPOSITORY = new RegExp(`^(?:${HOST})/${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const DIGEST_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };
const LONGEST_REPOSITORY = 255;
/** More than any name can have, so that what is longer need not be looked at. */
const LONGEST_TEXT = 4096;

const DEFAULT_HOST = 'docker.io';
const FORMER_HOST = 'index.docker.io';

/** @throws Error in the words of Docker's parser, without the name itself */
export function parseImageName(text: string): ImageName {
  const malformed = new Error('invalid reference format');
  if (text === '' || text.length > LONGEST_TEXT) throw malformed;
  if (/^[a-f0-9]{64}$/.test(text))
    throw new Error(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const { host, rest } = splitHost(text);
  const [named = '', digest, ...more] = rest.split('@');
  const colon = named.indexOf(':');
  const [path, tag] = colon === -1 ? [named, undefined] : [named.slice(0, colon), named.slice(colon + 1)];
  if (path.toLowerCase() !== path) throw new Error(`invalid reference format: repository name (${path}) must be lowercase`);
  const repository = `${host}/${path}`;
  if (more.length > 0 || !REPOSITORY.test(repository)) throw malformed;
  if (tag !== undefined && !TAG.test(tag)) throw malformed;
  if (repository.length - (host.length + 1) > LONGEST_REPOSITORY)
    throw new Error(`repository name must not be more than ${LONGEST_REPOSITORY} characters`);
  if (digest !== undefined) checkDigest(digest, malformed);
  return { repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The name as it is given to the runtime: what has neither tag nor digest means `latest`. @throws as `parseImageName` */
export function withDefaultTag(text: string): string {
  const { tag, digest } = parseImageName(text);
  return tag === undefined && digest === undefined ? `${text}:latest` : text;
}

/** `Always` for `latest`, said or meant, else `IfNotPresent`. What cannot be parsed is left to who pulls. */
export function defaultPullPolicy(text: string): 'Always' | 'IfNotPresent' {
  try {
    const { tag, digest } = parseImageName(text);
    return (tag ?? (digest ? '' : 'latest')) === 'latest' ? 'Always' : 'IfNotPresent';
  } catch {
    return 'IfNotPresent';
  }
}

/** Without a host the first part of the name has neither dot nor colon, and is not `localhost`. */
function splitHost(text: string): { host: string; rest: string } {
  const slash = text.indexOf('/');
  const first = slash === -1 ? '' : text.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  let [host, rest] = slash !== -1 && isHost ? [first, text.slice(slash + 1)] : [DEFAULT_HOST, text];
  if (host === FORMER_HOST) host = DEFAULT_HOST;
  if (host === DEFAULT_HOST && !rest.includes('/')) rest = `library/${rest}`;
  return { host, rest };
}

function checkDigest(digest: string, malformed: Error): void {
  if (!DIGEST.test(digest)) throw malformed;
  const [algorithm = '', hex = ''] = digest.split(':');
  const length = Object.hasOwn(DIGEST_LENGTHS, algorithm) ? DIGEST_LENGTHS[algorithm] : undefined;
  if (length === undefined) throw new Error('unsupported digest algorithm');
  if (hex.length !== length) throw new Error('invalid checksum digest length');
  if (hex.toLowerCase() !== hex) throw new Error('invalid checksum digest format');
}
