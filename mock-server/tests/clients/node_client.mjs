// Runs cases with the vendor's Node client, all at once, and prints one JSON line for each.
//
// A case is {"case", "client": "track" | "app" | "pipelines" | "analytics", "url", "key", "calls", "timeout"?}. A call is
// [method, ...arguments]; an argument {"email": {...}} and its like becomes the client's own request object. What comes back
// is {"case", "answers", "error", "retries"}: the answers of the calls, the error of the first that failed, and, for every
// attempt, the X-Retry-Count that it carried.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const load = createRequire(`${process.env.CLIENTS}/node/`);
const library = load('customerio-node');
const { Analytics } = load('@customerio/cdp-analytics-node');
const running = new AsyncLocalStorage();

const real = globalThis.fetch;
globalThis.fetch = (uri, init) => {
  running.getStore().push(init.headers['X-Retry-Count'] ?? null);
  return real(uri, init);
};

const requests = {
  email: library.SendEmailRequest,
  push: library.SendPushRequest,
  sms: library.SendSMSRequest,
  whatsapp: library.SendWhatsAppRequest,
  inbox: library.SendInboxMessageRequest,
  inApp: library.SendInAppRequest,
};

// The client for data pipelines says by a callback that a call was delivered.
function analytics(settings) {
  const target = new Analytics({ ...settings, maxEventsInBatch: 1, maxRetries: 0 });
  const delivered = (method) => (message) =>
    new Promise((resolve, reject) => target[method](message, (error) => (error ? reject(error) : resolve(true))));
  return new Proxy({}, { get: (_, method) => (method === 'then' ? undefined : delivered(method)) });
}

function client({ client, url, key, timeout }) {
  const options = { url, ...(timeout && { timeout }) };
  if (client === 'analytics') return analytics({ writeKey: key, host: url });
  if (client === 'app') return new library.APIClient(key, options);
  if (client === 'pipelines') return new library.PipelinesClient(key, { ...options, strictMode: true });
  return new library.TrackClient(...key.split(':'), options);
}

function argument(value) {
  const [kind] = Object.keys(value ?? {});
  if (!kind?.startsWith('$')) return value;
  return new requests[kind.slice(1)](value[kind]);
}

function described(error) {
  const code = error.cause?.code ?? error.cause?.name ?? null;
  return { type: error.constructor.name, name: error.name, status: error.statusCode ?? null, code, message: error.message };
}

async function run(one) {
  const retries = [];
  const answers = [];
  let error = null;
  await running.run(retries, async () => {
    try {
      const target = client(one);
      for (const [method, ...rest] of one.calls) answers.push(await target[method](...rest.map(argument)));
    } catch (caught) {
      error = described(caught);
    }
  });
  console.log(JSON.stringify({ case: one.case, answers, error, retries }));
}

const cases = [];
for await (const line of createInterface({ input: process.stdin })) cases.push(JSON.parse(line));
await Promise.all(cases.map(run));
// Connections that hang must not keep the process.
process.exit(0);
