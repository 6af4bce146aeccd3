// The scenario of the official client @alicloud/fc-open20210406: `node fc-open20210406.js`.
//
// The daemon's file has the service `svc` with the functions `hello`, `tasks` (in task mode) and `audit`.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const M = require('@alicloud/fc-open20210406');
const { Config } = require('@alicloud/openapi-client');
const { RuntimeOptions } = require('@alicloud/tea-util');
const c = require('./conformance.js');

const covered = new c.Covered('@alicloud/fc-open20210406', '2021-04-06');

const NOT_SERVED = `
  claimGPUInstance createCustomDomain createLayerVersion createTrigger createVpcBinding deleteCustomDomain
  deleteFunctionOnDemandConfig deleteLayerVersion deleteTrigger deleteVpcBinding deregisterEventSource getCustomDomain
  getLayerVersion getProvisionConfig listEventSources listInstances listLayerVersions listVpcBindings
  putFunctionOnDemandConfig putLayerACL putProvisionConfig registerEventSource releaseGPUInstance updateCustomDomain
  updateTrigger
`.trim().split(/\s+/);

const EMPTY = `listCustomDomains listLayers listOnDemandConfigs listProvisionConfigs listReservedCapacities`.split(' ');

function connect(key = c.KEY) {
  const client = new M.default(new Config({
    accessKeyId: key.id,
    accessKeySecret: key.secret,
    securityToken: key.token,
    endpoint: c.HOST,
    protocol: c.SCHEME,
    regionId: c.REGION,
  }));
  return c.teaCalls(client, covered, M, new RuntimeOptions({}));
}

const client = connect();

async function invoke(calls, name, payload, { type = 'Async', service = 'svc', qualifier, common, ...headers } = {}) {
  const answer = await calls.invokeFunction(
    service,
    name,
    new M.InvokeFunctionRequest({ body: Buffer.from(payload), qualifier }),
    new M.InvokeFunctionHeaders({ xFcInvocationType: type, commonHeaders: common ?? {}, ...headers }),
  );
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(answer.body).toString() };
}

const create = (name, service) => client.createFunction(service, new M.CreateFunctionRequest({
  functionName: name, runtime: 'custom', handler: 'index.handler', timeout: 30, environmentVariables: c.TARGET,
}));

// Runs `body` with a service of its own, and a function `made` in it.
const withService = async (service, body) => {
  await client.createService(new M.CreateServiceRequest({ serviceName: service, description: 'of a test' }));
  await create('made', service);
  try {
    await body(service);
  } finally {
    await client.deleteFunction(service, 'made');
    assert.equal((await client.deleteService(service)).statusCode, 204);
  }
};

test('services: create, get, update, list, delete', async () => {
  const get = async (service) => (await client.getService(service, new M.GetServiceRequest({}))).body;
  await withService('made-service', async (service) => {
    assert.deepEqual([(await get(service)).serviceName, (await get(service)).description], [service, 'of a test']);
    const again = () => client.createService(new M.CreateServiceRequest({ serviceName: service }));
    await c.refused(409, 'ServiceAlreadyExists', again);
    await client.updateService(service, new M.UpdateServiceRequest({ description: 'changed' }));
    assert.equal((await get(service)).description, 'changed');
    assert.deepEqual(await c.pages(async (nextToken) => {
      const { body } = await client.listServices(new M.ListServicesRequest({ limit: 1, nextToken }));
      return [body.services.map((one) => one.serviceName), body.nextToken];
    }), [service, 'svc']);
  });
  assert.match(await c.refused(404, 'ServiceNotFound', () => get('made-service')), /made-service/);
  await c.refused(404, 'ServiceNotFound', () => invoke(client, 'hello', '{}', { service: 'nobody' }));
});

test('functions: create, get, update, list, delete', async () => {
  await withService('with-function', async (service) => {
    const get = async (name) => (await client.getFunction(service, name, new M.GetFunctionRequest({}))).body;
    assert.deepEqual([(await get('made')).functionName, (await get('made')).timeout], ['made', 30]);
    await c.refused(409, 'FunctionAlreadyExists', () => create('made', service));
    await client.updateFunction(service, 'made', new M.UpdateFunctionRequest({ description: 'changed' }));
    assert.deepEqual([(await get('made')).description, (await get('made')).timeout], ['changed', 30]);
    const listed = (await client.listFunctions(service, new M.ListFunctionsRequest({ prefix: 'ma' }))).body;
    assert.deepEqual([listed.functions.map((one) => one.functionName), listed.nextToken], [['made'], '']);
    const code = (await client.getFunctionCode(service, 'made', new M.GetFunctionCodeRequest({}))).body;
    assert.deepEqual([typeof code.url, typeof code.checksum], ['string', 'string']);
    const triggers = (await client.listTriggers(service, 'made', new M.ListTriggersRequest({}))).body;
    assert.deepEqual([triggers.triggers, triggers.nextToken], [[], '']);
    await c.refused(404, 'TriggerNotFound', () => client.getTrigger(service, 'made', 'x'));
    assert.equal((await invoke(client, 'made', 'hi', { type: 'Sync', service })).body, 'hi');
    assert.match(await c.refused(404, 'FunctionNotFound', () => get('nobody')), /nobody/);
  });
});

test('versions and aliases', () => withService('versioned', async (service) => {
  const publish = async (description) => {
    const request = new M.PublishServiceVersionRequest({ description });
    return (await client.publishServiceVersion(service, request)).body.versionId;
  };
  const versions = async () => {
    const { body } = await client.listServiceVersions(service, new M.ListServiceVersionsRequest({ limit: 10 }));
    return body.versions.map((version) => version.versionId).sort();
  };
  assert.deepEqual([await publish('first'), await publish('second')], ['1', '2']);
  assert.deepEqual(await versions(), ['1', '2']);

  const request = new M.CreateAliasRequest({ aliasName: 'prod', versionId: '1' });
  const createAlias = () => client.createAlias(service, request);
  const get = async () => (await client.getAlias(service, 'prod')).body;
  assert.equal((await createAlias()).body.versionId, '1');
  await c.refused(409, 'AliasAlreadyExists', createAlias);
  await client.updateAlias(service, 'prod', new M.UpdateAliasRequest({ versionId: '2' }));
  assert.equal((await get()).versionId, '2');
  const listed = (await client.listAliases(service, new M.ListAliasesRequest({ prefix: 'pr' }))).body;
  assert.deepEqual(listed.aliases.map((alias) => alias.aliasName), ['prod']);
  assert.equal((await invoke(client, 'made', 'hi', { type: 'Sync', service, qualifier: 'prod' })).body, 'hi');
  assert.equal((await client.deleteAlias(service, 'prod')).statusCode, 204);
  await c.refused(404, 'AliasNotFound', get);
  for (const version of ['1', '2']) await client.deleteServiceVersion(service, version);
  assert.deepEqual(await versions(), []);
}));

test('tags and account settings', () => withService('tagged', async (service) => {
  const resourceArn = c.arn(`services/${service}`);
  const get = async () => (await client.getResourceTags(new M.GetResourceTagsRequest({ resourceArn }))).body;
  await client.tagResource(new M.TagResourceRequest({ resourceArn, tags: { team: 'night', cost: 'low' } }));
  assert.deepEqual([(await get()).resourceArn, (await get()).tags], [resourceArn, { team: 'night', cost: 'low' }]);
  const tagged = (await client.listTaggedResources(new M.ListTaggedResourcesRequest({ limit: 10 }))).body;
  assert.deepEqual(tagged.resources.map((one) => one.resourceArn), [resourceArn]);
  await client.untagResource(new M.UntagResourceRequest({ resourceArn, tagKeys: ['cost'] }));
  assert.deepEqual((await get()).tags, { team: 'night' });
  await client.untagResource(new M.UntagResourceRequest({ resourceArn, all: true }));
  assert.deepEqual((await get()).tags, {});
  assert.ok(Array.isArray((await client.getAccountSettings()).body.availableAZs));
}));

test('async invoke configs: put, get, merge, list, delete', async () => {
  const put = (fields) => {
    return client.putFunctionAsyncInvokeConfig('svc', 'hello', new M.PutFunctionAsyncInvokeConfigRequest(fields));
  };
  const get = async (qualifier) => {
    const request = new M.GetFunctionAsyncInvokeConfigRequest({ qualifier });
    return (await client.getFunctionAsyncInvokeConfig('svc', 'hello', request)).body;
  };
  const remove = (qualifier) => {
    const request = new M.DeleteFunctionAsyncInvokeConfigRequest({ qualifier });
    return client.deleteFunctionAsyncInvokeConfig('svc', 'hello', request);
  };
  const destination = c.arn('services/svc.LATEST/functions/audit');
  const wanted = { maxAsyncEventAgeInSeconds: 3600, maxAsyncRetryAttempts: 0, statefulInvocation: true };
  const onFailure = new M.Destination({ destination });
  await put({ ...wanted, destinationConfig: new M.DestinationConfig({ onFailure }) });
  for (const body of [await get(), await get('LATEST')]) {
    for (const [field, value] of Object.entries(wanted)) assert.equal(body[field], value, field);
    assert.deepEqual([body.service, body.function, body.qualifier], ['svc', 'hello', 'LATEST']);
    assert.equal(body.destinationConfig.onFailure.destination, destination);
    assert.match(body.createdTime, c.METADATA_TIME);
  }
  await put({ maxAsyncRetryAttempts: 4 });
  assert.deepEqual([(await get()).maxAsyncRetryAttempts, (await get()).maxAsyncEventAgeInSeconds], [4, 3600]);
  await put({ maxAsyncRetryAttempts: 6, qualifier: 'other' });
  assert.deepEqual(await c.pages(async (nextToken) => {
    const request = new M.ListFunctionAsyncInvokeConfigsRequest({ limit: 1, nextToken });
    const { body } = await client.listFunctionAsyncInvokeConfigs('svc', 'hello', request);
    return [body.configs.map((config) => config.qualifier), body.nextToken];
  }), ['LATEST', 'other']);
  const message = await c.refused(400, 'InvalidArgument', () => put({ maxAsyncRetryAttempts: 9 }));
  assert.match(message, /maxAsyncRetryAttempts/);
  for (const qualifier of [undefined, 'other']) assert.equal((await remove(qualifier)).statusCode, 204);
  assert.match(await c.refused(404, 'AsyncConfigNotExists', get), /hello/);
});

test('invocations: accepted, answered, failed, refused', async () => {
  const accepted = await invoke(client, 'hello', '{}', { common: { 'x-fc-async-delay': '1' } });
  assert.deepEqual([accepted.status, accepted.body], [202, '']);
  assert.ok(accepted.headers['x-fc-request-id']);
  const answered = await invoke(client, 'hello', 'hi', { type: 'Sync', xFcLogType: 'Tail' });
  assert.deepEqual([answered.status, answered.body], [200, 'hi']);
  assert.ok('x-fc-log-result' in answered.headers);
  const failed = await invoke(client, 'hello', '{"plan":["fail"]}', { type: 'Sync' });
  assert.deepEqual([failed.status, failed.headers['x-fc-error-type']], [200, 'InvocationError']);
  const message = await c.refused(404, 'FunctionNotFound', () => invoke(client, 'nobody', '{}'));
  assert.match(message, /nobody/);
  assert.ok(!message.includes('$'), message);
});

test('tasks: submitted, shown, listed, stopped', async () => {
  const submit = (id, payload = '{}') => invoke(client, 'tasks', payload, { xFcStatefulAsyncInvocationId: id });
  const get = async (id) => {
    const request = new M.GetStatefulAsyncInvocationRequest({});
    return (await client.getStatefulAsyncInvocation('svc', 'tasks', id, request)).body;
  };
  const list = async (filters) => {
    const request = new M.ListStatefulAsyncInvocationsRequest({ invocationIdPrefix: 'list-', ...filters });
    return (await client.listStatefulAsyncInvocations('svc', 'tasks', request)).body;
  };
  const ids = async (filters) => (await list(filters)).invocations.map((one) => one.invocationId);
  const stop = (id) => {
    const request = new M.StopStatefulAsyncInvocationRequest({});
    return client.stopStatefulAsyncInvocation('svc', 'tasks', id, request);
  };
  const ended = (id) => c.until(`${id} ends`, async () => {
    const record = await get(id);
    return c.TERMINAL.includes(record.status) && record;
  });

  const answer = await submit('story', '{"plan":["fail","ok"]}');
  assert.equal(answer.headers['x-fc-stateful-async-invocation-id'], 'story');
  const record = await ended('story');
  assert.deepEqual([record.status, record.alreadyRetriedTimes], ['Succeeded', 1]);
  assert.deepEqual([record.serviceName, record.functionName, record.invocationId], ['svc', 'tasks', 'story']);
  assert.equal(record.requestId, answer.headers['x-fc-request-id']);
  assert.equal(record.invocationPayload, '{"plan":["fail","ok"]}');
  assert.deepEqual([record.events[0].status, record.events.at(-1).status], ['Enqueued', 'Succeeded']);
  await c.refused(409, 'StatefulAsyncInvocationAlreadyExists', () => submit('story'));

  for (const id of ['list-1', 'list-2']) {
    await submit(id);
    await ended(id);
  }
  await c.until('the list has caught up', async () => (await ids({ status: 'Succeeded' })).length === 2);
  assert.deepEqual(await ids({ sortOrderByTime: 'asc' }), ['list-1', 'list-2']);
  assert.deepEqual(await ids({ sortOrderByTime: 'desc' }), ['list-2', 'list-1']);
  assert.deepEqual(await ids({ status: 'Failed' }), []);
  assert.deepEqual(await ids({ qualifier: 'other' }), []);
  assert.deepEqual(await ids({ startedTimeBegin: Date.now() + 60_000 }), []);
  assert.deepEqual(await ids({ startedTimeEnd: 1 }), []);
  const shown = (await list({ includePayload: true })).invocations;
  assert.deepEqual(shown.map((one) => one.invocationPayload), ['{}', '{}']);
  assert.deepEqual(await c.pages(async (nextToken) => {
    const body = await list({ limit: 1, nextToken });
    return [body.invocations.map((one) => one.invocationId), body.nextToken];
  }), ['list-1', 'list-2']);

  await submit('endless', '{"plan":["slow:30000"]}');
  await c.until('it runs', async () => (await get('endless')).status === 'Running');
  assert.equal((await get('endless')).endTime, 0);
  assert.ok([200, 204].includes((await stop('endless')).statusCode));
  assert.equal((await ended('endless')).status, 'Stopped');
  await c.refused(400, 'InvalidArgument', () => stop('endless'));
  for (const call of [get, stop]) await c.refused(404, 'StatefulAsyncInvocationNotFound', () => call('nobody'));

  const request = new M.ListStatefulAsyncInvocationFunctionsRequest({ limit: 10 });
  const { data } = (await client.listStatefulAsyncInvocationFunctions(request)).body;
  assert.ok(data.some((one) => one.serviceName === 'svc' && one.functionName === 'tasks'), JSON.stringify(data));
});

test('one request can ask for a task', async () => {
  const id = { xFcStatefulAsyncInvocationId: 'asked', xFcStatefulAsyncInvocationEnable: 'true' };
  await invoke(client, 'hello', '{}', id);
  const request = new M.GetStatefulAsyncInvocationRequest({});
  const record = (await client.getStatefulAsyncInvocation('svc', 'hello', 'asked', request)).body;
  assert.equal(record.invocationId, 'asked');
});

test('strangers are told what is wrong, temporary credentials and readers are known', async () => {
  for (const [key, status, code] of c.STRANGERS) {
    await c.refused(status, code, () => invoke(connect(key), 'hello', '{}'));
    await c.refused(status, code, () => connect(key).listServices(new M.ListServicesRequest({})));
  }
  assert.equal((await invoke(connect(c.STS), 'hello', 'hi', { type: 'Sync' })).body, 'hi');
  const reader = connect(c.READER);
  assert.equal((await reader.getService('svc', new M.GetServiceRequest({}))).body.serviceName, 'svc');
  await c.refused(403, 'AccessDenied', () => reader.createService(new M.CreateServiceRequest({ serviceName: 'mine' })));
  await c.refused(403, 'AccessDenied', () => invoke(reader, 'hello', '{}'));
});

test('lists of what is not here are empty', async () => {
  for (const method of EMPTY) {
    c.emptyList((await c.callWithNothing(client, M.default, M, method)).body);
  }
  await c.refused(404, 'OnDemandConfigNotFound', () => {
    return c.callWithNothing(client, M.default, M, 'getFunctionOnDemandConfig');
  });
});

test('what is not served is refused as such', async () => {
  for (const method of NOT_SERVED) {
    await c.refused(400, 'PathNotSupported', () => c.callWithNothing(client, M.default, M, method));
  }
});

covered.finish(c.teaOperations(M.default));
