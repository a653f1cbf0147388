import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { createGrpcChannel } from './grpc-channel.ts';
import { startGrpcService } from './grpc-service.ts';
import { createMessageCodec } from './message-codec.ts';

const MESSAGES = { Text: { text: '1 string' } } as const;
const codec = createMessageCodec(MESSAGES);
const encode = (text: string) => codec.encode('Text', { text });
const decode = (bytes: Buffer) => codec.decode('Text', bytes).text;

type Ask = { readonly text: string };

async function echoService(onCancel = () => {}) {
  const names = { request: 'Text', response: 'Text' };
  return startGrpcService({
    messages: MESSAGES,
    methods: {
      'test.Echo/Say': { ...names, answer: ({ text }: Ask) => ({ text }) },
      'test.Echo/Fail': { ...names, answer: () => Promise.reject({ code: 5, details: 'no such thing' }) },
      'test.Echo/Hang': {
        ...names,
        answer: (_: Ask, signal: AbortSignal) =>
          new Promise((resolve) =>
            signal.addEventListener('abort', () => {
              onCancel();
              resolve({});
            }),
          ),
      },
      'test.Echo/Count': {
        ...names,
        stream: true,
        answer: async function* ({ text }: Ask) {
          for (let i = 0; i < Number(text); i++) yield { text: String(i) };
          if (text === '2') throw { code: 14, details: 'going away' };
        },
      },
      'test.Echo/Big': { ...names, answer: ({ text }: Ask) => ({ text: 'x'.repeat(Number(text)) }) },
    },
  });
}

test('calls are answered, and failures told in the words of Go clients', async () => {
  await using service = await echoService();
  const channel = createGrpcChannel({ target: service.endpoint });
  try {
    assert.equal(decode(await channel.unary('/test.Echo/Say', encode('hello'))), 'hello');
    await assert.rejects(channel.unary('/test.Echo/Fail', encode('')), {
      code: 'GRPC_NOT_FOUND',
      status: 'NotFound',
      detail: 'no such thing',
      message: 'rpc error: code = NotFound desc = no such thing',
    });
    await assert.rejects(channel.unary('/test.Echo/Nothing', encode('')), { status: 'Unimplemented' });
  } finally {
    channel.close();
  }
});

test('a call ends when its time is up or its signal is aborted, and the server hears of it', async () => {
  let canceled = 0;
  await using service = await echoService(() => canceled++);
  const channel = createGrpcChannel({ target: service.endpoint });
  try {
    await assert.rejects(channel.unary('/test.Echo/Hang', encode(''), { timeoutMs: 100 }), {
      message: 'rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    });
    const controller = new AbortController();
    const call = channel.unary('/test.Echo/Hang', encode(''), { signal: controller.signal });
    setImmediate(() => controller.abort());
    await assert.rejects(call, { message: 'rpc error: code = Canceled desc = context canceled' });
    await assert.rejects(channel.unary('/test.Echo/Say', encode(''), { signal: controller.signal }), { status: 'Canceled' });
    await until('the server has heard of the calls that reached it', () => canceled >= 1);
  } finally {
    channel.close();
  }
});

test('a stream gives what comes until it ends or fails', async () => {
  await using service = await echoService();
  const channel = createGrpcChannel({ target: service.endpoint });
  try {
    const got: string[] = [];
    for await (const bytes of channel.stream('/test.Echo/Count', encode('3'))) got.push(decode(bytes));
    assert.deepEqual(got, ['0', '1', '2']);
    await assert.rejects(Array.fromAsync(channel.stream('/test.Echo/Count', encode('2'))), {
      status: 'Unavailable',
      detail: 'going away',
    });
    for await (const bytes of channel.stream('/test.Echo/Count', encode('1000'))) if (decode(bytes) === '5') break;
  } finally {
    channel.close();
  }
});

test('a server that was away is found again', async () => {
  await using service = await echoService();
  const channel = createGrpcChannel({ target: service.endpoint });
  try {
    await channel.unary('/test.Echo/Say', encode('a'));
    await service.stop();
    await assert.rejects(channel.unary('/test.Echo/Say', encode('b')), { status: 'Unavailable' });
    await service.start();
    assert.equal(await until('it answers again', async () => decode(await channel.unary('/test.Echo/Say', encode('c')))), 'c');
  } finally {
    channel.close();
  }
});

test('where nobody listens the reason says so', async () => {
  const channel = createGrpcChannel({ target: 'unix:///nonexistent/runtime.sock' });
  await assert.rejects(channel.unary('/test.Echo/Say', encode('')), {
    message:
      'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /nonexistent/runtime.sock: connect: no such file or directory"',
  });
  channel.close();
});

test('messages beyond the limit are refused, those below it are not', async () => {
  await using service = await echoService();
  const channel = createGrpcChannel({ target: service.endpoint });
  try {
    assert.equal(decode(await channel.unary('/test.Echo/Big', encode(String(15 << 20)))).length, 15 << 20);
    await assert.rejects(channel.unary('/test.Echo/Big', encode(String(17 << 20))), { status: 'ResourceExhausted' });
    await assert.rejects(channel.unary('/test.Echo/Say', encode('x'.repeat(17 << 20))), { status: 'ResourceExhausted' });
  } finally {
    channel.close();
  }
});
