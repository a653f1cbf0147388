import { constants, type ServerHttp2Stream } from 'node:http2';

/** How often it is looked whether an answer has gone out: Node tells of no such moment. */
const LOOK_MS = 50;

/**
 * Ends what is still to come of a request over HTTP/2 that has its answer: as Go, the client is told, once all of the answer is on its way. Half of a
 * request would keep its stream, and that its connection, for as long as the client likes. Before that the answer would be cut short: a
 * stream's writable side finishes when the answer is handed over, of which the client may have room for a part only.
 */
export function endUnread(stream: ServerHttp2Stream): void {
  stream.resume();
  if (stream.endAfterHeaders || stream.readableEnded || stream.destroyed) return;
  const look = () => {
    if (stream.destroyed || stream.state.localClose !== 1) return;
    clearInterval(timer);
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  };
  const timer = setInterval(look, LOOK_MS).unref();
  stream.once('close', () => clearInterval(timer));
  look();
}
