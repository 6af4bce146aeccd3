// The scenario of the official client @alicloud/fc2: `node fc2.js`.
//
// The daemon's file has the service `svc` with the functions `hello`, `tasks` (in task mode), `audit` and `web` (HTTP).
// The client has no methods for tasks and HTTP functions; its users send them with `get`, `put` and `request`.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const Client = require('@alicloud/fc2');
const c = require('./conformance.js');

const covered = new c.Covered('@alicloud/fc2', '2016-08-15');

// The methods whose operation has another name than theirs.
const OPERATIONS = {
  publishVersion: 'PublishServiceVersion',
  listVersions: 'ListServiceVersions',
  deleteVersion: 'DeleteServiceVersion',
  putFunctionAsyncConfig: 'PutFunctionAsyncInvokeConfig',
  getFunctionAsyncConfig: 'GetFunctionAsyncInvokeConfig',
  listFunctionAsyncConfigs: 'ListFunctionAsyncInvokeConfigs',
  deleteFunctionAsyncConfig: 'DeleteFunctionAsyncInvokeConfig',
  putOnDemandConfig: 'PutFunctionOnDemandConfig',
  getOnDemandConfig: 'GetFunctionOnDemandConfig',
  deleteOnDemandConfig: 'DeleteFunctionOnDemandConfig',
  publishLayerVersion: 'CreateLayerVersion',
};

// No operations: what the others are made of, and what talks to the cloud's object store or opens a WebSocket.
const HELPERS = `
  constructor buildHeaders request get post put delete websocket instanceExec normalizeParams largeFunctionHelper
  getTempCodeBucketPermission getAccountConfigs getTempBucketToken uploadCodeToTmpOssBucket
  publishLayerVersionForBigCode
`.trim().split(/\s+/);

const hello = ['svc', 'hello'];
const NOT_SERVED = {
  createTrigger: [...hello, { triggerName: 'x', triggerType: 'oss' }],
  updateTrigger: [...hello, 'x'],
  deleteTrigger: [...hello, 'x'],
  createCustomDomain: ['x'],
  getCustomDomain: ['x'],
  updateCustomDomain: ['x'],
  deleteCustomDomain: ['x'],
  getProvisionConfig: [...hello, 'prod'],
  putProvisionConfig: [...hello, 'prod', { target: 1 }],
  listLayerVersions: ['x'],
  getLayerVersion: ['x', '1'],
  getLayerVersionByArn: ['x'],
  publishLayerVersion: ['x'],
  putLayerACL: ['x'],
  deleteLayerVersion: ['x', '1'],
  putOnDemandConfig: [...hello, 'prod'],
  deleteOnDemandConfig: [...hello, 'prod'],
  listInstances: [...hello, 'prod'],
};

const EMPTY = 'listCustomDomains listReservedCapacities listProvisionConfigs listLayers listOnDemandConfigs'.split(' ');

const operationOf = (method) => OPERATIONS[method] ?? method[0].toUpperCase() + method.slice(1);

// A client whose every operation is watched; `raw` are its untyped calls under the operation they make.
function connect(key = c.KEY) {
  const client = new Client(c.ACCOUNT, {
    accessKeyID: key.id,
    accessKeySecret: key.secret,
    securityToken: key.token,
    region: c.REGION,
    endpoint: c.ENDPOINT,
  });
  const raw = (operation, ...request) => covered.watch(operation, () => client.request(...request));
  const get = (_, method) => {
    if (method === 'raw') return raw;
    return (...given) => covered.watch(operationOf(method), () => client[method](...given));
  };
  return new Proxy({}, { get });
}

const client = connect();

const create = (service, name) => client.createFunction(service, {
  functionName: name, runtime: 'custom', handler: 'index.handler', timeout: 30, environmentVariables: c.TARGET,
});

// Runs `body` with a service of its own, and a function `made` in it.
const withService = async (service, body) => {
  await client.createService(service, { description: 'of a test' });
  await create(service, 'made');
  try {
    await body(service);
  } finally {
    await client.deleteFunction(service, 'made');
    await client.deleteService(service);
  }
};

test('services: create, get, update, list, delete', async () => {
  await withService('made-service', async (service) => {
    const { data, headers } = await client.getService(service);
    assert.deepEqual([data.serviceName, data.description], [service, 'of a test']);
    await c.refused(409, 'ServiceAlreadyExists', () => client.createService(service));
    const ifMatch = { 'if-match': headers.etag };
    await client.updateService(service, { description: 'changed' }, ifMatch);
    assert.equal((await client.getService(service)).data.description, 'changed');
    await c.refused(412, 'PreconditionFailed', () => client.updateService(service, { description: 'x' }, ifMatch));
    assert.deepEqual(await c.pages(async (nextToken) => {
      const listed = (await client.listServices(nextToken ? { limit: 1, nextToken } : { limit: 1 })).data;
      return [listed.services.map((one) => one.serviceName), listed.nextToken];
    }), [service, 'svc']);
  });
  assert.match(await c.refused(404, 'ServiceNotFound', () => client.getService('made-service')), /made-service/);
});

test('functions: create, get, update, list, delete', async () => {
  await withService('with-function', async (service) => {
    const get = async (name) => (await client.getFunction(service, name)).data;
    assert.deepEqual([(await get('made')).functionName, (await get('made')).timeout], ['made', 30]);
    await c.refused(409, 'FunctionAlreadyExists', () => create(service, 'made'));
    await client.updateFunction(service, 'made', { description: 'changed' });
    assert.deepEqual([(await get('made')).description, (await get('made')).timeout], ['changed', 30]);
    const listed = (await client.listFunctions(service, { prefix: 'ma' })).data;
    assert.deepEqual([listed.functions.map((one) => one.functionName), listed.nextToken], [['made'], '']);
    const code = (await client.getFunctionCode(service, 'made')).data;
    assert.deepEqual([typeof code.url, typeof code.checksum], ['string', 'string']);
    const triggers = (await client.listTriggers(service, 'made')).data;
    assert.deepEqual([triggers.triggers, triggers.nextToken], [[], '']);
    await c.refused(404, 'TriggerNotFound', () => client.getTrigger(service, 'made', 'x'));
    assert.equal((await client.invokeFunction(service, 'made', 'hi')).data, 'hi');
    assert.match(await c.refused(404, 'FunctionNotFound', () => get('nobody')), /nobody/);
  });
});

test('versions and aliases', () => withService('versioned', async (service) => {
  const publish = async (text) => (await client.publishVersion(service, text)).data.versionId;
  const versions = async () => {
    return (await client.listVersions(service, { limit: 10 })).data.versions.map((one) => one.versionId).sort();
  };
  assert.deepEqual([await publish('first'), await publish('second')], ['1', '2']);
  assert.deepEqual(await versions(), ['1', '2']);
  const get = async () => (await client.getAlias(service, 'prod')).data;
  assert.equal((await client.createAlias(service, 'prod', '1')).data.versionId, '1');
  await c.refused(409, 'AliasAlreadyExists', () => client.createAlias(service, 'prod', '1'));
  await client.updateAlias(service, 'prod', '2', { description: 'changed' });
  assert.deepEqual([(await get()).versionId, (await get()).description], ['2', 'changed']);
  const listed = (await client.listAliases(service, { prefix: 'pr' })).data;
  assert.deepEqual(listed.aliases.map((alias) => alias.aliasName), ['prod']);
  assert.equal((await client.invokeFunction(service, 'made', 'hi', {}, 'prod')).data, 'hi');
  await client.deleteAlias(service, 'prod');
  await c.refused(404, 'AliasNotFound', get);
  for (const version of ['1', '2']) await client.deleteVersion(service, version);
  assert.deepEqual(await versions(), []);
}));

test('tags and account settings', () => withService('tagged', async (service) => {
  const resourceArn = c.arn(`services/${service}`);
  const get = async () => (await client.getResourceTags({ resourceArn })).data;
  await client.tagResource(resourceArn, { team: 'night', cost: 'low' });
  assert.deepEqual([(await get()).resourceArn, (await get()).tags], [resourceArn, { team: 'night', cost: 'low' }]);
  await client.untagResource(resourceArn, ['cost']);
  assert.deepEqual((await get()).tags, { team: 'night' });
  await client.untagResource(resourceArn, [], true);
  assert.deepEqual((await get()).tags, {});
  assert.equal(typeof (await client.getAccountSettings()).data, 'object');
}));

test('async invoke configs: put, get, merge, list, delete', async () => {
  const put = (config, qualifier = 'LATEST') => client.putFunctionAsyncConfig('svc', 'hello', qualifier, config);
  const get = async (qualifier) => (await client.getFunctionAsyncConfig('svc', 'hello', qualifier)).data;
  const remove = (qualifier) => client.deleteFunctionAsyncConfig('svc', 'hello', qualifier);
  const config = {
    destinationConfig: { onFailure: { destination: c.arn('services/svc.LATEST/functions/audit') } },
    maxAsyncEventAgeInSeconds: 3600,
    maxAsyncRetryAttempts: 0,
    statefulInvocation: true,
  };
  await put(config);
  for (const seen of [await get(), await get('LATEST')]) {
    for (const [field, value] of Object.entries(config)) assert.deepEqual(seen[field], value, field);
    assert.deepEqual([seen.service, seen.function, seen.qualifier], ['svc', 'hello', 'LATEST']);
    assert.match(seen.createdTime, c.METADATA_TIME);
  }
  await put({ maxAsyncRetryAttempts: 4 });
  assert.deepEqual([(await get()).maxAsyncRetryAttempts, (await get()).maxAsyncEventAgeInSeconds], [4, 3600]);
  await put({ maxAsyncRetryAttempts: 6 }, 'other');
  assert.deepEqual(await c.pages(async (nextToken) => {
    const options = nextToken ? { limit: 1, nextToken } : { limit: 1 };
    const { data } = await client.listFunctionAsyncConfigs('svc', 'hello', options);
    return [data.configs.map((one) => one.qualifier), data.nextToken];
  }), ['LATEST', 'other']);
  const message = await c.refused(400, 'InvalidArgument', () => put({ maxAsyncRetryAttempts: 9 }));
  assert.match(message, /maxAsyncRetryAttempts/);
  for (const qualifier of [undefined, 'other']) assert.equal((await remove(qualifier)).data, '');
  assert.match(await c.refused(404, 'AsyncConfigNotExists', get), /hello/);
});

test('invocations: accepted, answered, failed, refused', async () => {
  const invoke = (name, payload, headers) => client.invokeFunction('svc', name, payload, headers);
  const accepted = await invoke('hello', '{}', { 'x-fc-invocation-type': 'Async', 'x-fc-async-delay': '1' });
  assert.equal(accepted.data, '');
  assert.ok(accepted.headers['x-fc-request-id']);
  const answered = await invoke('hello', 'hi', { 'x-fc-log-type': 'Tail' });
  assert.equal(answered.data, 'hi');
  assert.ok('x-fc-log-result' in answered.headers);
  const failed = await invoke('hello', '{"plan":["fail"]}');
  assert.equal(failed.headers['x-fc-error-type'], 'InvocationError');
  assert.match(await c.refused(404, 'FunctionNotFound', () => invoke('nobody', '{}')), /nobody/);
  await c.refused(404, 'ServiceNotFound', () => client.invokeFunction('nobody', 'hello', '{}'));
});

test('tasks, with the untyped calls', async () => {
  const base = '/services/svc.LATEST/functions/tasks/stateful-async-invocations';
  const submit = (id, payload = '{}') => client.invokeFunction('svc', 'tasks', payload, {
    'x-fc-invocation-type': 'Async', 'x-fc-stateful-async-invocation-id': id,
  });
  const get = async (id) => (await client.raw('GetStatefulAsyncInvocation', 'GET', `${base}/${id}`)).data;
  const list = async (query) => (await client.raw('ListStatefulAsyncInvocations', 'GET', base, query)).data;
  const stop = (id) => client.raw('StopStatefulAsyncInvocation', 'PUT', `${base}/${id}`);
  const ended = (id) => c.until(`${id} ends`, async () => {
    const record = await get(id);
    return c.TERMINAL.includes(record.status) && record;
  });

  const answer = await submit('story');
  assert.equal(answer.headers['x-fc-stateful-async-invocation-id'], 'story');
  const record = await ended('story');
  assert.deepEqual([record.serviceName, record.functionName, record.status], ['svc', 'tasks', 'Succeeded']);
  assert.equal(record.requestId, answer.headers['x-fc-request-id']);
  await c.refused(409, 'StatefulAsyncInvocationAlreadyExists', () => submit('story'));
  const query = { invocationIdPrefix: 'sto', status: 'Succeeded', includePayload: true, limit: 5 };
  const listed = await c.until('the list has caught up', async () => {
    const page = await list(query);
    return page.invocations.length === 1 && page;
  });
  assert.deepEqual([listed.invocations[0].invocationPayload, listed.nextToken], ['{}', '']);
  assert.deepEqual((await list({ invocationIdPrefix: 'sto', status: 'Failed' })).invocations, []);

  await submit('endless', '{"plan":["slow:30000"]}');
  await c.until('it runs', async () => (await get('endless')).status === 'Running');
  await stop('endless');
  assert.equal((await ended('endless')).status, 'Stopped');
  await c.refused(400, 'InvalidArgument', () => stop('endless'));
  await c.refused(404, 'StatefulAsyncInvocationNotFound', () => get('nobody'));

  const operation = 'ListStatefulAsyncInvocationFunctions';
  const { data } = (await client.raw(operation, 'GET', '/stateful-async-invocation-functions')).data;
  assert.ok(data.some((one) => one.serviceName === 'svc' && one.functionName === 'tasks'), JSON.stringify(data));
});

test('HTTP functions, with the untyped call', async () => {
  const call = (calls, headers) => {
    return calls.raw('InvokeHTTPTrigger', 'POST', '/proxy/svc/web/a/b', { q: '1 2', a: ['x', 'y'] }, 'hi', headers);
  };
  const answer = await call(client);
  assert.equal(answer.data, 'hi');
  assert.ok(answer.headers['x-fc-request-id']);
  assert.equal((await call(client, { 'x-fc-invocation-type': 'Async' })).data, '');
  const [key, status, code] = c.STRANGERS[0];
  await c.refused(status, code, () => call(connect(key)));
});

test('a `{}` body on GET and DELETE, as `s cli fc api` sends it', async () => {
  const path = '/services/svc/functions/hello/async-invoke-config';
  await client.raw('PutFunctionAsyncInvokeConfig', 'PUT', path, {}, { maxAsyncRetryAttempts: 1 });
  const { data } = await client.raw('GetFunctionAsyncInvokeConfig', 'GET', path, {}, {});
  assert.equal(data.maxAsyncRetryAttempts, 1);
  assert.equal((await client.raw('DeleteFunctionAsyncInvokeConfig', 'DELETE', path, {}, {})).data, '');
});

test('strangers are told what is wrong, temporary credentials and readers are known', async () => {
  for (const [key, status, code] of c.STRANGERS) {
    await c.refused(status, code, () => connect(key).invokeFunction('svc', 'hello', '{}'));
    await c.refused(status, code, () => connect(key).listServices());
  }
  assert.equal((await connect(c.STS).invokeFunction('svc', 'hello', 'hi')).data, 'hi');
  const reader = connect(c.READER);
  assert.equal((await reader.getService('svc')).data.serviceName, 'svc');
  await c.refused(403, 'AccessDenied', () => reader.createService('mine'));
  await c.refused(403, 'AccessDenied', () => reader.invokeFunction('svc', 'hello', '{}'));
});

test('lists of what is not here are empty', async () => {
  for (const method of EMPTY) c.emptyList((await client[method]()).data);
  await c.refused(404, 'OnDemandConfigNotFound', () => client.getOnDemandConfig(...hello, 'prod'));
});

test('what is not served is refused as such', async () => {
  for (const [method, given] of Object.entries(NOT_SERVED)) {
    await c.refused(400, 'PathNotSupported', () => client[method](...given));
  }
});

const methods = Object.getOwnPropertyNames(Client.prototype).filter((name) => !HELPERS.includes(name));
covered.finish(methods.map(operationOf));
