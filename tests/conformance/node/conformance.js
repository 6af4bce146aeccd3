// What the scenarios beside this one share: the daemon, the keys, what was covered, refusals and waiting.
//
// FC_ENDPOINT is the daemon's API listener with its scheme (NODE_EXTRA_CA_CERTS names the certificate to trust there),
// FUNCTION_URL a function server whose payloads say what it does (tests/src/function.rs). The keys stand in
// tests/tests/clients/site.rs.
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const ENDPOINT = process.env.FC_ENDPOINT;
const [SCHEME, HOST] = ENDPOINT.split('://');
const TARGET = { INVOKED_TARGET_URL: process.env.FUNCTION_URL };
const [ACCOUNT, REGION] = ['1234567890', 'cn-hangzhou'];
const TERMINAL = ['Succeeded', 'Failed', 'Stopped', 'Expired', 'Invalid'];
const METADATA_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

const KEY = { id: 'testid', secret: 'testsecret' };
const READER = { id: 'reader', secret: 'readersecret' }; // may Get and List
const STS = { id: 'STStestid', secret: 'stssecret', token: 'ststoken123' };

// How each of them is refused: what a client can tell its user apart.
const STRANGERS = [
  [{ ...KEY, secret: 'guessed' }, 403, 'SignatureNotMatch'],
  [{ ...KEY, id: 'nobody' }, 403, 'InvalidAccessKeyID'],
  [{ ...STS, token: 'ststoken124' }, 403, 'AccessDenied'],
];

const arn = (rest) => `acs:fc:${REGION}:${ACCOUNT}:${rest}`;

// How the operations of one client ended: `ok` once any call was answered, else how it was refused.
class Covered {
  constructor(client, version) {
    this.client = client;
    this.version = version;
    this.ends = new Map();
  }

  async watch(operation, call) {
    try {
      const answer = await call();
      this.ends.set(operation, 'ok');
      return answer;
    } catch (error) {
      if (error.code && !this.ends.has(operation)) this.ends.set(operation, `refused:${error.code}`);
      throw error;
    }
  }

  // The last test: none of the client's operations was left out. Says what was covered.
  finish(operations) {
    test('every operation of the client was called', () => {
      assert.deepEqual(operations.filter((operation) => !this.ends.has(operation)), []);
    });
    after(() => {
      for (const [operation, end] of [...this.ends].sort()) {
        console.log('COVERED', this.client, this.version, operation, end);
      }
    });
  }
}

const SUFFIX = 'WithOptions';

// The operation's name as the client itself sends it (`x-acs-action`).
const operationOf = (full) => full.toString().match(/action: "(\w+)"/)[1];

const teaMethods = (Client) => Object.getOwnPropertyNames(Client.prototype).filter((name) => name.endsWith(SUFFIX));

const teaOperations = (Client) => teaMethods(Client).map((name) => operationOf(Client.prototype[name]));

// A client of the Tea family: `calls.getFunction('f', request)` is its `getFunctionWithOptions`, watched. `last` are
// the headers, empty of their own class where none are given.
function teaCalls(client, covered, models, runtime) {
  const call = (method, parameters, headers) => {
    const full = client[method + SUFFIX];
    const operation = operationOf(full);
    const Headers = models[`${method[0].toUpperCase()}${method.slice(1)}Headers`];
    const last = headers ?? (Headers ? new Headers({}) : {});
    return covered.watch(operation, () => full.call(client, ...parameters, last, runtime));
  };
  return new Proxy({}, {
    get: (_, method) => {
      const wanted = client[method + SUFFIX].length - 2;
      return (...given) => call(method, given.slice(0, wanted), given[wanted]);
    },
  });
}

// Calls an operation with empty requests, on the function `hello` where it wants one.
function callWithNothing(calls, Client, models, method) {
  const source = Client.prototype[method + SUFFIX].toString();
  const names = source.slice(source.indexOf('(') + 1, source.indexOf(')')).split(', ').slice(0, -2);
  const known = { functionName: 'hello', serviceName: 'svc' };
  const Request = models[`${method[0].toUpperCase()}${method.slice(1)}Request`];
  const empty = (name) => (name === 'request' || name === 'tmpReq' ? new Request({}) : known[name] ?? 'x');
  return calls[method](...names.map(empty));
}

// A page without items, and the last one.
function emptyList(body) {
  assert.deepEqual(Object.values(body).filter(Array.isArray), [[]]);
  assert.ok(!body.nextToken);
}

// The error must be a refusal with this status and code; its message is handed back.
async function refused(status, code, call) {
  const answer = await call().then(() => undefined, (error) => error);
  assert.ok(answer, 'it was not refused');
  const seen = answer.statusCode ?? answer.data?.statusCode ?? Number(answer.message.match(/failed with (\d+)/)?.[1]);
  assert.deepEqual([seen, answer.code], [status, code], answer.message);
  return answer.message;
}

async function until(what, found, within = 20_000) {
  const deadline = Date.now() + within;
  for (;;) {
    const result = await found();
    if (result) return result;
    assert.ok(Date.now() < deadline, `not within ${within} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// All items of a list: `page` takes a token and hands back its items and the next token.
async function pages(page) {
  const seen = [];
  for (let token; token !== '';) {
    let items;
    [items, token] = await page(token);
    seen.push(...items);
  }
  return seen.sort();
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString();
}

module.exports = {
  ACCOUNT, ENDPOINT, HOST, KEY, METADATA_TIME, READER, REGION, SCHEME, STRANGERS, STS, TARGET, TERMINAL,
  Covered, arn, callWithNothing, emptyList, pages, refused, teaCalls, teaOperations, text, until,
};
