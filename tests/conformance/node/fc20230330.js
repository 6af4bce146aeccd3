// The scenario of the official client @alicloud/fc20230330: `node fc20230330.js`.
//
// The daemon's file has the functions `hello`, `tasks` (in task mode) and `audit`.
'use strict';

const assert = require('node:assert/strict');
const { Readable } = require('node:stream');
const { test } = require('node:test');

const M = require('@alicloud/fc20230330');
const { Config } = require('@alicloud/openapi-core').$OpenApiUtil;
const { RuntimeOptions } = require('@darabonba/typescript');
const c = require('./conformance.js');

const covered = new c.Covered('@alicloud/fc20230330', '2023-03-30');

const NOT_SERVED = `
  changeResourceGroup createCustomDomain createLayerVersion createSession createTrigger createVpcBinding
  deleteCustomDomain deleteLayerVersion deleteProvisionConfig deleteScalingConfig deleteSession deleteTrigger
  deleteVpcBinding describeRegions getCustomDomain getLayerVersion getLayerVersionByArn getProvisionConfig
  getScalingConfig getSession listInstances listLayerVersions listSessions listVpcBindings pauseSession putLayerACL
  putProvisionConfig putScalingConfig resumeSession updateCustomDomain updateSession updateTrigger
`.trim().split(/\s+/);

const EMPTY = `listCustomDomains listLayers listProvisionConfigs listScalingConfigs`.split(' ');

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

async function invoke(calls, name, payload, { type = 'Async', task, log, qualifier, headers = {} } = {}) {
  const answer = await calls.invokeFunction(
    name,
    new M.InvokeFunctionRequest({ body: Readable.from([Buffer.from(payload)]), qualifier }),
    new M.InvokeFunctionHeaders({
      xFcInvocationType: type, xFcAsyncTaskId: task, xFcLogType: log, commonHeaders: headers,
    }),
  );
  return { status: answer.statusCode, headers: answer.headers, body: await c.text(answer.body) };
}

const create = (calls, name, fields = {}) => calls.createFunction(new M.CreateFunctionRequest({
  body: new M.CreateFunctionInput({
    functionName: name, runtime: 'custom', handler: 'index.handler', environmentVariables: c.TARGET, ...fields,
  }),
}));

// Runs `body` with a function of its own.
const withFunction = async (name, body) => {
  await create(client, name, { timeout: 30 });
  try {
    await body(name);
  } finally {
    await client.deleteFunction(name);
  }
};

test('async invoke configs: put, get, merge, list, delete', async () => {
  const put = (fields, qualifier) => client.putAsyncInvokeConfig('hello', new M.PutAsyncInvokeConfigRequest({
    body: new M.PutAsyncInvokeConfigInput(fields), qualifier,
  }));
  const get = async (qualifier) => {
    return (await client.getAsyncInvokeConfig('hello', new M.GetAsyncInvokeConfigRequest({ qualifier }))).body;
  };
  const remove = (qualifier) => {
    return client.deleteAsyncInvokeConfig('hello', new M.DeleteAsyncInvokeConfigRequest({ qualifier }));
  };
  const destination = c.arn('functions/audit');
  const wanted = { maxAsyncEventAgeInSeconds: 3600, maxAsyncRetryAttempts: 0, asyncTask: true };
  const onSuccess = new M.Destination({ destination });
  const answer = await put({ ...wanted, destinationConfig: new M.DestinationConfig({ onSuccess }) });
  for (const body of [answer.body, await get(), await get('LATEST')]) {
    for (const [field, value] of Object.entries(wanted)) assert.equal(body[field], value, field);
    assert.equal(body.destinationConfig.onSuccess.destination, destination);
    assert.equal(body.functionArn, c.arn('functions/hello'));
    assert.match(body.createdTime, c.METADATA_TIME);
  }
  await put({ maxAsyncRetryAttempts: 4 });
  assert.deepEqual([(await get()).maxAsyncRetryAttempts, (await get()).maxAsyncEventAgeInSeconds], [4, 3600]);
  await put({ maxAsyncRetryAttempts: 6 }, 'other');
  assert.equal((await get('other')).maxAsyncRetryAttempts, 6);

  const seen = await c.pages(async (nextToken) => {
    const request = new M.ListAsyncInvokeConfigsRequest({ functionName: 'hello', limit: 1, nextToken });
    const { body } = await client.listAsyncInvokeConfigs(request);
    return [body.configs.map((config) => config.maxAsyncRetryAttempts), body.nextToken];
  });
  assert.deepEqual(seen, [4, 6]);

  const message = await c.refused(400, 'InvalidArgument', () => put({ maxAsyncRetryAttempts: 9 }));
  assert.match(message, /maxAsyncRetryAttempts/);
  assert.equal((await remove()).statusCode, 204);
  assert.equal((await remove('other')).statusCode, 204);
  assert.match(await c.refused(404, 'AsyncConfigNotExists', get), /hello/);
});

test('invocations: accepted, answered, failed, refused', async () => {
  const accepted = await invoke(client, 'hello', '{}', { headers: { 'x-fc-async-delay': '1' } });
  assert.deepEqual([accepted.status, accepted.body], [202, '']);
  assert.ok(accepted.headers['x-fc-request-id']);
  const answered = await invoke(client, 'hello', 'hi', { type: 'Sync', log: 'Tail', qualifier: 'LATEST' });
  assert.deepEqual([answered.status, answered.body], [200, 'hi']);
  assert.ok('x-fc-log-result' in answered.headers);
  const failed = await invoke(client, 'hello', '{"plan":["fail"]}', { type: 'Sync' });
  assert.deepEqual([failed.status, failed.headers['x-fc-error-type']], [200, 'InvocationError']);
  assert.match(failed.body, /errorMessage/);
  for (const type of ['Async', 'Sync']) {
    assert.match(await c.refused(404, 'FunctionNotFound', () => invoke(client, 'nobody', '{}', { type })), /nobody/);
  }
  await c.refused(400, 'EntityTooLarge', () => invoke(client, 'hello', 'x'.repeat(131_073)));
  await c.refused(400, 'InvalidArgument', () => {
    return invoke(client, 'hello', '{}', { headers: { 'x-fc-async-delay': '3601' } });
  });
});

test('tasks: submitted, shown, listed, stopped', async () => {
  const submit = (task, payload = '{}') => invoke(client, 'tasks', payload, { task });
  const get = async (task) => (await client.getAsyncTask('tasks', task, new M.GetAsyncTaskRequest({}))).body;
  const list = async (filters) => {
    const request = new M.ListAsyncTasksRequest({ prefix: 'list-', ...filters });
    return (await client.listAsyncTasks('tasks', request)).body;
  };
  const ids = async (filters) => (await list(filters)).tasks.map((task) => task.taskId);
  const stop = (task) => client.stopAsyncTask('tasks', task, new M.StopAsyncTaskRequest({}));
  const ended = (task) => c.until(`${task} ends`, async () => {
    const record = await get(task);
    return c.TERMINAL.includes(record.status) && record;
  });

  const answer = await submit('story', '{"plan":["fail","ok"]}');
  assert.equal(answer.headers['x-fc-async-task-id'], 'story');
  const record = await ended('story');
  assert.deepEqual([record.status, record.alreadyRetriedTimes], ['Succeeded', 1]);
  assert.equal(record.requestId, answer.headers['x-fc-request-id']);
  assert.equal(record.functionArn, c.arn('functions/tasks'));
  assert.deepEqual([record.taskPayload, record.returnPayload], ['{"plan":["fail","ok"]}', '{"plan":["fail","ok"]}']);
  assert.deepEqual([record.events[0].status, record.events.at(-1).status], ['Enqueued', 'Succeeded']);
  await c.refused(409, 'StatefulAsyncInvocationAlreadyExists', () => submit('story'));

  for (const task of ['list-1', 'list-2']) {
    await submit(task);
    await ended(task);
  }
  await c.until('the list has caught up', async () => (await ids({ status: 'Succeeded' })).length === 2);
  assert.deepEqual(await ids({ sortOrderByTime: 'asc' }), ['list-1', 'list-2']);
  assert.deepEqual(await ids({ sortOrderByTime: 'desc' }), ['list-2', 'list-1']);
  assert.deepEqual(await ids({ status: 'Failed' }), []);
  assert.deepEqual(await ids({ qualifier: 'other' }), []);
  assert.deepEqual(await ids({ startedTimeBegin: Date.now() + 60_000 }), []);
  assert.deepEqual(await ids({ startedTimeEnd: 1 }), []);
  assert.deepEqual((await list({ includePayload: true })).tasks.map((task) => task.taskPayload), ['{}', '{}']);
  assert.deepEqual(await c.pages(async (nextToken) => {
    const body = await list({ limit: 1, nextToken });
    return [body.tasks.map((task) => task.taskId), body.nextToken];
  }), ['list-1', 'list-2']);

  await submit('endless', '{"plan":["slow:30000"]}');
  await c.until('it runs', async () => (await get('endless')).status === 'Running');
  assert.equal((await get('endless')).endTime, 0);
  assert.ok([200, 204].includes((await stop('endless')).statusCode));
  assert.equal((await ended('endless')).status, 'Stopped');
  await c.refused(400, 'InvalidArgument', () => stop('endless'));
  for (const call of [get, stop]) await c.refused(404, 'StatefulAsyncInvocationNotFound', () => call('nobody'));
});

test('functions: create, get, update, list, delete', async () => {
  const get = async (name) => (await client.getFunction(name, new M.GetFunctionRequest({}))).body;
  await withFunction('made', async (name) => {
    assert.deepEqual([(await get(name)).functionArn, (await get(name)).timeout], [c.arn('functions/made'), 30]);
    await c.refused(409, 'FunctionAlreadyExists', () => create(client, name));
    const body = new M.UpdateFunctionInput({ description: 'changed' });
    await client.updateFunction(name, new M.UpdateFunctionRequest({ body }));
    assert.deepEqual([(await get(name)).description, (await get(name)).timeout], ['changed', 30]);
    const listed = (await client.listFunctions(new M.ListFunctionsRequest({ prefix: 'ma', limit: 10 }))).body;
    assert.deepEqual(listed.functions.map((one) => one.functionName), ['made']);
    assert.equal((await invoke(client, name, 'hi', { type: 'Sync' })).body, 'hi');
    const code = (await client.getFunctionCode(name, new M.GetFunctionCodeRequest({}))).body;
    assert.deepEqual([typeof code.url, typeof code.checksum], ['string', 'string']);
    const triggers = (await client.listTriggers(name, new M.ListTriggersRequest({}))).body;
    assert.deepEqual([triggers.triggers, triggers.nextToken], [[], '']);
    await c.refused(404, 'TriggerNotFound', () => client.getTrigger(name, 'x'));
  });
  assert.match(await c.refused(404, 'FunctionNotFound', () => get('made')), /made/);
});

test('versions and aliases', () => withFunction('versioned', async (name) => {
  const publish = async (description) => {
    const body = new M.PublishVersionInput({ description });
    return (await client.publishFunctionVersion(name, new M.PublishFunctionVersionRequest({ body }))).body.versionId;
  };
  assert.deepEqual([await publish('first'), await publish('second')], ['1', '2']);
  const versions = async () => {
    const { body } = await client.listFunctionVersions(name, new M.ListFunctionVersionsRequest({ limit: 10 }));
    return body.versions.map((version) => version.versionId).sort();
  };
  assert.deepEqual(await versions(), ['1', '2']);

  const body = new M.CreateAliasInput({ aliasName: 'prod', versionId: '1' });
  const createAlias = () => client.createAlias(name, new M.CreateAliasRequest({ body }));
  const get = async () => (await client.getAlias(name, 'prod')).body;
  assert.equal((await createAlias()).body.versionId, '1');
  await c.refused(409, 'AliasAlreadyExists', createAlias);
  const change = new M.UpdateAliasInput({ versionId: '2', additionalVersionWeight: { 1: 0.25 } });
  await client.updateAlias(name, 'prod', new M.UpdateAliasRequest({ body: change }));
  assert.deepEqual([(await get()).versionId, (await get()).additionalVersionWeight], ['2', { 1: 0.25 }]);
  const listed = (await client.listAliases(name, new M.ListAliasesRequest({ prefix: 'pr' }))).body;
  assert.deepEqual(listed.aliases.map((alias) => alias.aliasName), ['prod']);
  assert.equal((await invoke(client, name, 'hi', { type: 'Sync', qualifier: 'prod' })).body, 'hi');
  assert.equal((await client.deleteAlias(name, 'prod')).statusCode, 204);
  await c.refused(404, 'AliasNotFound', get);
  assert.equal((await client.deleteFunctionVersion(name, '1')).statusCode, 204);
  assert.deepEqual(await versions(), ['2']);
}));

test('concurrency and the invocation switch', () => withFunction('limited', async (name) => {
  const body = new M.PutConcurrencyInput({ reservedConcurrency: 7 });
  await client.putConcurrencyConfig(name, new M.PutConcurrencyConfigRequest({ body }));
  const config = (await client.getConcurrencyConfig(name)).body;
  assert.deepEqual([config.functionArn, config.reservedConcurrency], [c.arn(`functions/${name}`), 7]);
  const listed = async () => {
    const request = new M.ListConcurrencyConfigsRequest({ functionName: name });
    return (await client.listConcurrencyConfigs(request)).body.configs.map((one) => one.reservedConcurrency);
  };
  assert.deepEqual(await listed(), [7]);
  assert.equal((await client.deleteConcurrencyConfig(name)).statusCode, 204);
  assert.deepEqual(await listed(), []);

  await client.disableFunctionInvocation(name, new M.DisableFunctionInvocationRequest({ reason: 'of a test' }));
  await assert.rejects(invoke(client, name, 'hi', { type: 'Sync' }), { statusCode: 403 });
  await client.enableFunctionInvocation(name);
  assert.equal((await invoke(client, name, 'hi', { type: 'Sync' })).body, 'hi');
}));

test('tags', () => withFunction('tagged', async (name) => {
  const mine = { resourceType: 'function', resourceId: [c.arn(`functions/${name}`)] };
  const tag = [new M.Tag({ key: 'team', value: 'night' }), new M.Tag({ key: 'cost', value: 'low' })];
  await client.tagResources(new M.TagResourcesRequest({ body: new M.TagResourcesInput({ ...mine, tag }) }));
  const listed = async () => {
    const { body } = await client.listTagResources(new M.ListTagResourcesRequest({ ...mine, limit: 10 }));
    return body.tagResources.map((one) => `${one.tagKey}=${one.tagValue}`).sort();
  };
  assert.deepEqual(await listed(), ['cost=low', 'team=night']);
  await client.untagResources(new M.UntagResourcesRequest({ ...mine, tagKey: ['cost'] }));
  assert.deepEqual(await listed(), ['team=night']);
  await client.untagResources(new M.UntagResourcesRequest({ ...mine, all: true }));
  assert.deepEqual(await listed(), []);
}));

test('strangers are told what is wrong, temporary credentials and readers are known', async () => {
  for (const [key, status, code] of c.STRANGERS) {
    await c.refused(status, code, () => invoke(connect(key), 'hello', '{}'));
    await c.refused(status, code, () => connect(key).listFunctions(new M.ListFunctionsRequest({})));
  }
  assert.equal((await invoke(connect(c.STS), 'hello', 'hi', { type: 'Sync' })).body, 'hi');
  const reader = connect(c.READER);
  assert.equal((await reader.getFunction('hello', new M.GetFunctionRequest({}))).body.functionName, 'hello');
  await c.refused(403, 'AccessDenied', () => create(reader, 'mine'));
  await c.refused(403, 'AccessDenied', () => invoke(reader, 'hello', '{}'));
});

test('lists of what is not here are empty', async () => {
  for (const method of EMPTY) {
    c.emptyList((await c.callWithNothing(client, M.default, M, method)).body);
  }
});

test('what is not served is refused as such', async () => {
  for (const method of NOT_SERVED) {
    await c.refused(400, 'PathNotSupported', () => c.callWithNothing(client, M.default, M, method));
  }
});

covered.finish(c.teaOperations(M.default));
