/** Loaded with the first body in protobuf: the table of field numbers is not needed before. */
import { badRequest } from '../../api/machinery/status-error.ts';
import { decodeProtobuf } from '../../api/protobuf/decode.ts';
import { decodeProtobufInSteps } from '../../api/protobuf/decode-in-steps.ts';
import type { Pauses } from '../../std/pauses.ts';
import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';

/**
 * The body as the JSON that would say the same. `schema` says what it is expected to be. Takes `pauses` within a large one.
 *
 * @throws StatusError 400 for bytes that are no such message
 */
export async function parseProtobuf(bytes: Buffer, schema: string, pauses?: Pauses): Promise<Record<string, unknown>> {
  try {
    return pauses?.large ? await pauses.run(decodeProtobufInSteps(bytes, schema)) : decodeProtobuf(bytes, schema);
  } catch (error) {
    if (error instanceof ProtobufError)
      throw badRequest(`couldn't get version/kind; the protobuf body cannot be read: ${error.message}`);
    throw error;
  }
}
