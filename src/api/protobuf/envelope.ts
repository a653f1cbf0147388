import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';
import { WireReader } from '../../std/protobuf/wire-reader.ts';
import type { WireWriter } from '../../std/protobuf/wire-writer.ts';

/** What `application/vnd.kubernetes.protobuf` begins with. */
const MAGIC = Buffer.from('k8s\0');

/** An object's type, and its message. */
export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Buffer;
}

/**
 * Opens the envelope that Kubernetes puts around a message (apimachinery/pkg/runtime/types_proto.go): four bytes, then runtime.Unknown:
 * typeMeta = 1 { apiVersion = 1, kind = 2 }, raw = 2, contentEncoding = 3, contentType = 4.
 *
 * @throws ProtobufError
 */
export function readEnvelope(bytes: Buffer): Envelope {
  if (bytes.length < MAGIC.length || MAGIC.compare(bytes, 0, MAGIC.length) !== 0)
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix "k8s\\x00"');
  const reader = new WireReader(bytes.subarray(MAGIC.length));
  const texts: Record<number, string> = {};
  let type: Record<number, string> = {};
  let raw: Buffer = Buffer.alloc(0);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === TYPE_META) type = readTypeMeta(reader.bytes());
    else if (tag === RAW) raw = reader.bytes();
    else if (tag === CONTENT_ENCODING || tag === CONTENT_TYPE) texts[tag] = reader.text();
    else reader.skip(tag & 7);
  }
  if (texts[CONTENT_ENCODING])
    throw new ProtobufError(`content encoding ${JSON.stringify(texts[CONTENT_ENCODING])} is not supported`);
  if (texts[CONTENT_TYPE] && texts[CONTENT_TYPE] !== 'application/vnd.kubernetes.protobuf')
    throw new ProtobufError(`content type ${JSON.stringify(texts[CONTENT_TYPE])} inside of the message is not supported`);
  return { apiVersion: type[API_VERSION] ?? '', kind: type[KIND] ?? '', raw };
}

/** Writes an object's envelope around the message that `writeRaw` writes. */
export function writeEnvelope(writer: WireWriter, { apiVersion, kind }: Omit<Envelope, 'raw'>, writeRaw: () => void): void {
  for (const number of [4, 3]) writer.close(number, writer.length); // no content type, no content encoding
  const raw = writer.length;
  writeRaw();
  writer.close(2, raw);
  const typeMeta = writer.length;
  writer.text(kind);
  writer.close(2, typeMeta);
  const version = writer.length;
  writer.text(apiVersion);
  writer.close(1, version);
  writer.close(1, typeMeta);
  writer.raw(MAGIC);
}

const TYPE_META = (1 << 3) | 2;
const RAW = (2 << 3) | 2;
const CONTENT_ENCODING = (3 << 3) | 2;
const CONTENT_TYPE = (4 << 3) | 2;
const API_VERSION = (1 << 3) | 2;
const KIND = (2 << 3) | 2;

function readTypeMeta(bytes: Buffer): Record<number, string> {
  const reader = new WireReader(bytes);
  const texts: Record<number, string> = {};
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === API_VERSION || tag === KIND) texts[tag] = reader.text();
    else reader.skip(tag & 7);
  }
  return texts;
}
